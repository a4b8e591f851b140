"""Checks of MJML with line and column, of which the compiler reports none or too little.

`source_map` marks the templates, fills them, and passes the MJML to `check`; `check` has it parsed
by `parser` and applies the rules of `structure`, which know every tag from `tag_schema` and its
``tags.json``, and of `compiler_pitfalls`. The places of the faults then go back through
`source_map` to the files, lines and columns of the templates.
"""

from digest.render.lint.mjml.source_map import fill_checked

__all__ = ["fill_checked"]
