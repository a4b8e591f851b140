"""Finds what is wrong with MJML, with line and column: the compiler itself keeps silent."""

from digest.render.lint.mjml.source_map import fill_checked

__all__ = ["fill_checked"]
