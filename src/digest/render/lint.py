"""Checks a mail before it may go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from digest.render.checks import (
    contrast,
    duties,
    leftovers,
    links,
    reading,
    size,
    wording,
    wordless,
)
from digest.render.checks.finding import Copy, Finding, Severity

Rule = Callable[[Copy], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    size.html_size,
    size.long_lines,
    leftovers.mjml_left,
    leftovers.template_left,
    leftovers.tags_intact,
    leftovers.active_content,
    links.link_targets,
    links.local_hosts,
    links.plain_http,
    links.lookalike_hosts,
    links.click_marks,
    duties.unsubscribe_link,
    duties.unsubscribe_near_top,
    duties.postal_address,
    duties.text_part,
    wording.subject_length,
    wording.subject_controls,
    wording.honest_subject,
    wording.preheader_length,
    reading.language,
    reading.title,
    reading.image_alts,
    reading.heading_order,
    reading.words_without_images,
    contrast.stands_out,
    wordless.placeholders,
    wordless.link_words,
    wordless.repeated_links,
)
_MOST_A_RULE = 5  # the sixth of a kind says nothing new


def check(copy: Copy, rules: Iterable[Rule] = RULES) -> list[Finding]:
    """Return what is wrong with a mail, errors first; empty when nothing is."""
    found = [finding for rule in rules for finding in list(rule(copy))[:_MOST_A_RULE]]
    return sorted(found, key=lambda finding: finding.severity is not Severity.ERROR)


def forbids(findings: Iterable[Finding]) -> bool:
    """Tell whether any finding forbids sending."""
    return any(finding.severity is Severity.ERROR for finding in findings)
