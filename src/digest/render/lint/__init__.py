"""TODO face."""

from digest.render.lint.css import parse_colour
from digest.render.lint.finding import Finding, LintedMail, Severity, error, warning
from digest.render.lint.html_reader import read_html
from digest.render.lint.rules.size import CLIP_BYTES, REWRITTEN_BYTES
from digest.render.lint.rules.spam import spam_score
from digest.render.lint.rules.subject_line import PREHEADER_MOST, SUBJECT_FITS
from digest.render.lint.runner import forbids_sending, lint_mail

__all__ = [
    "CLIP_BYTES",
    "PREHEADER_MOST",
    "REWRITTEN_BYTES",
    "SUBJECT_FITS",
    "Finding",
    "LintedMail",
    "Severity",
    "error",
    "forbids_sending",
    "lint_mail",
    "parse_colour",
    "read_html",
    "spam_score",
    "warning",
]
