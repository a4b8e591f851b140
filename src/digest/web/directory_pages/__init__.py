"""The pages that lead to comparisons: lists, categories, tools, and the sitemap for crawlers.

`list_pages` asks the directory for what is public, has `directory_views` put it into the words and
paths of a page, and renders that. `sitemap` writes every public address of the site for crawlers.
"""

from digest.web.directory_pages.list_pages import DirectoryPages
from digest.web.directory_pages.sitemap import Sitemap

__all__ = ["DirectoryPages", "Sitemap"]
