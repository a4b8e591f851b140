"""Renders a mail, and checks the MJML of its templates on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from digest.render.checks.finding import Finding, Severity
from digest.render.engine import Rendered, finish
from digest.render.faults import TemplateFault
from digest.render.locate import folders
from digest.render.mjml_check.templates import fill_checked

#: With these the compiler stops, or leaves the tag in the mail.
_STOPS = ("mjml-syntax", "mjml-tag")


def render_checked(
    name: str, context: Mapping[str, object], *, folder: Path | None = None
) -> Rendered:
    """Do what `render` does, with what is wrong with the MJML among the findings.

    Raises `TemplateBroken`, for MJML that can't be read with line, column and words.
    """
    looked = folders("email", folder)
    mjml, found = fill_checked(f"{name}.mjml", context, looked)
    stops = [each for each in found if each.rule in _STOPS and each.severity is Severity.ERROR]
    if stops:
        raise _fault(stops[0])
    return replace(finish(name, context, looked, mjml), findings=tuple(found))


def _fault(finding: Finding) -> TemplateFault:
    return TemplateFault(
        f"{finding.message}. {finding.mend}",
        file=finding.file,
        line=finding.line,
        column=finding.column,
        words=finding.words,
    )
