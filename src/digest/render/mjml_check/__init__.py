"""Finds what is wrong with MJML, with line and column: the compiler itself keeps silent."""
