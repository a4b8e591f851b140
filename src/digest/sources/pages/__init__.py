"""How a page that somebody publishes is read as a comparison, or refused with the line.

`page_reader` takes the bytes of a page, which `page_encoding` turns into text. `html_page` takes
its HTML apart, after `tangled_html` has refused what would cost too much: `json_ld` then looks for
a comparison in its data for programs, and where there is none, the text parser of
`digest.comparisons` reads the lines that a visitor reads.
"""

from digest.sources.pages.page_reader import comparison_links, read_page

__all__ = ["comparison_links", "read_page"]
