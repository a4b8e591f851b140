"""Checks of a finished mail: what is wrong with it, where, and how to mend it.

`runner` applies every rule of `rules` to a `LintedMail` of `finding`, whose HTML `html_reader` has
parsed into tags, events and text; the rule on contrast reads styles with `css`. Each rule yields
`Finding`s, of which an error forbids sending and a warning asks for a person. `mjml` checks the
MJML before it is compiled and returns findings of the same form.
"""

from digest.render.lint.css import contrast_ratio, parse_colour
from digest.render.lint.finding import Finding, LintedMail, Place, Severity, error, warning
from digest.render.lint.html_reader import read_html
from digest.render.lint.rules.accessibility import ENOUGH as ENOUGH_CONTRAST
from digest.render.lint.rules.compliance import spam_score
from digest.render.lint.rules.size import CLIP_BYTES, REWRITTEN_BYTES
from digest.render.lint.rules.subject_line import PREHEADER_MOST, SUBJECT_FITS
from digest.render.lint.runner import forbids_sending, lint_mail

__all__ = [
    "CLIP_BYTES",
    "ENOUGH_CONTRAST",
    "PREHEADER_MOST",
    "REWRITTEN_BYTES",
    "SUBJECT_FITS",
    "Finding",
    "LintedMail",
    "Place",
    "Severity",
    "contrast_ratio",
    "error",
    "forbids_sending",
    "lint_mail",
    "parse_colour",
    "read_html",
    "spam_score",
    "warning",
]
