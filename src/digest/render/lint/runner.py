"""Which rules a mail is checked with, and in which order its findings come."""

from __future__ import annotations

from collections.abc import Iterable

from digest.render.lint.finding import Finding, LintedMail, LintRule, Severity
from digest.render.lint.rules import (
    accessibility,
    compliance,
    links,
    size,
    subject_line,
    unrendered,
)

MailRule = LintRule[LintedMail, Finding]

RULES: tuple[MailRule, ...] = (
    size.html_size,
    size.long_lines,
    unrendered.mjml_left,
    unrendered.template_left,
    unrendered.tags_in_links,
    unrendered.tags_intact,
    unrendered.active_content,
    links.link_targets,
    links.local_hosts,
    links.plain_http,
    links.lookalike_hosts,
    links.click_marks,
    compliance.unsubscribe_link,
    compliance.unsubscribe_near_top,
    compliance.postal_address,
    compliance.text_part,
    subject_line.subject_length,
    subject_line.subject_controls,
    subject_line.honest_subject,
    subject_line.preheader_length,
    accessibility.language,
    accessibility.title,
    accessibility.image_alts,
    accessibility.heading_order,
    accessibility.words_without_images,
    accessibility.text_contrast,
    unrendered.placeholders,
    links.link_words,
    links.repeated_links,
)
_MAX_PER_RULE = 5  # findings of one rule; more repeat the same fault


def lint_mail(mail: LintedMail, rules: Iterable[MailRule] = RULES) -> list[Finding]:
    """Return the findings of a mail, errors first; at most five of each rule."""
    findings = [finding for rule in rules for finding in list(rule(mail))[:_MAX_PER_RULE]]
    return sorted(findings, key=lambda finding: finding.severity is not Severity.ERROR)


def forbids_sending(findings: Iterable[Finding]) -> bool:
    """Return whether any finding forbids sending."""
    return any(finding.severity is Severity.ERROR for finding in findings)
