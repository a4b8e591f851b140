"""Fill the templates of the preview's page.

Hides which variables the templates get, and the wording of states, sizes and findings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from markupsafe import Markup

from digest.errors import DigestError
from digest.issues.models import IssueState
from digest.issues.picking import MOST, Candidate, ExclusionReason
from digest.issues.picking.embargo import embargo
from digest.preview.client_simulation import Scheme, mail_sections
from digest.preview.forms import block_fields, chosen_passage, verdict_choices
from digest.preview.panels import reader_of
from digest.preview.query import PanelName, PreviewQuery, Width
from digest.preview.sample_issues import MADE_UP, case_name
from digest.preview.session import PreviewSession
from digest.preview.snapshot import IssueStanding, Snapshot
from digest.render.engine import fill
from digest.render.graphemes import graphemes
from digest.render.lint import (
    CLIP_BYTES,
    PREHEADER_MOST,
    REWRITTEN_BYTES,
    SUBJECT_FITS,
    Finding,
    Severity,
)
from digest.render.template_paths import template_folders

WIDE, PHONE, SCREEN = 660, 375, 1000  # pixels; wide and phone fit beside the panel at 1440
OTHERS_NAMED = 5  #: files that are named as holding no comparison
PHONE_SUBJECT = 40  #: characters a phone shows of a subject
VIEWS = (
    (PanelName.MAIL, "Mail"),
    (PanelName.TEXT, "Text"),
    (PanelName.SOURCE, "Source"),
    (PanelName.HEADERS, "Headers"),
    (PanelName.REQUEST, "Request"),
    (PanelName.WEB, "Web copy"),
    (PanelName.SAMPLE_ISSUES, "Hard cases"),
    (PanelName.CHANGES, "Changes"),
    (PanelName.BACKTEST, "Back-test"),
)
WIDTHS = ((Width.WIDE, "Wide", "w"), (Width.PHONE, "Phone", "p"), (Width.BOTH, "Both", "b"))
SCHEMES = (
    (Scheme.LIGHT, "Light", "l"),
    (Scheme.DARK, "Dark", "d"),
    (Scheme.GMAIL, "Gmail dark", "g"),
    (Scheme.OUTLOOK, "Outlook dark", "o"),
)


def page(preview: PreviewSession, query: PreviewQuery, stage: Callable[[], str]) -> str:
    """Return the whole page around what *stage* renders.

    The stage comes last: where it is newer than the page's version, the script looks again.
    """
    variables = common(preview, query)
    return _fill("desk.html", **variables, stage=Markup(stage()))  # noqa: S704 - our template


def parts(preview: PreviewSession, query: PreviewQuery) -> dict[str, Any]:
    """Return the parts of the page that change, for the script of an open page."""
    variables = common(preview, query)
    snapshot: Snapshot = variables["snapshot"]  # the version belongs to exactly these parts
    return {
        "version": snapshot.version,
        "seal": snapshot.seal,
        "bar": _fill("bar.html", **variables),
        "panel": _fill("panel.html", **variables),
        "fault": _fill("fault.html", **variables),
        "words": variables["words"],
        "shown": int(snapshot.built is not None),
    }


def stage(preview: PreviewSession, query: PreviewQuery, **variables: object) -> str:
    """Return the HTML of the panel that *query* names."""
    return _fill(f"stage-{query.view}.html", **common(preview, query), **variables)


def empty(message: str) -> str:
    """Return the HTML of a panel that shows only a message."""
    return _fill("stage-empty.html", said=message)


def common(preview: PreviewSession, query: PreviewQuery) -> dict[str, Any]:
    """Return the variables every template of the page gets."""
    snapshot = preview.snapshot
    return {
        "snapshot": snapshot,
        "asked": query,
        "newsletter": snapshot.newsletter.name if snapshot.newsletter else "Newsletter",
        "standing": snapshot.standing,
        "status": status(snapshot),
        "views": [(view.value, name, number) for number, (view, name) in enumerate(VIEWS, 1)],
        "widths": WIDTHS,
        "schemes": SCHEMES,
        "frames": frames(query),
        "readers": [(reader.key, reader.name) for reader in MADE_UP],
        "words": _words(preview, snapshot, query),
        "case": case_name(query.case),
        "web_url": snapshot.built.view.web_url if snapshot.built else "",
        "lines": lines(snapshot),
        "chosen": _chosen(snapshot),
        "blocks": block_fields(snapshot.decisions),
        "counts": _counts(snapshot),
        "left_out": _left_out(snapshot),
        "unsaved": len(snapshot.overlay.drafts) if snapshot.overlay else 0,
        "others": _in_words(snapshot.others),
        "findings": _finding_rows([*_mail_findings(snapshot), *_spam_findings(preview, snapshot)]),
        "asked_spam": int(preview.spam is not None and preview.spam[0] == snapshot.seal),
        "errors": sum(finding.severity is Severity.ERROR for finding in _mail_findings(snapshot)),
        "warnings": sum(
            finding.severity is Severity.WARNING for finding in _mail_findings(snapshot)
        ),
        "tally": _tally(snapshot),
        "warned": sorted(
            {
                finding.rule
                for finding in _mail_findings(snapshot)
                if finding.severity is Severity.WARNING
            }
        ),
        "size": _size(snapshot),
        "open": int(snapshot.standing is None or snapshot.standing.is_open),
        "folder": str(preview.folder.path),
        "state": snapshot.standing.state if snapshot.standing else None,
        "State": IssueState,
        "Why": ExclusionReason,
    }


def status(snapshot: Snapshot) -> tuple[str, str]:
    """Return the issue's state as a mood (idle, good, warn or busy) and a text."""
    standing = snapshot.standing
    if standing is None:
        return "idle", "Nothing yet"
    if standing.state is not None and not standing.is_open:
        return _on_its_way(snapshot, standing.state)
    if standing.state is not IssueState.BUILT:
        return "idle", "Draft"
    return _built(snapshot, standing)


def _on_its_way(snapshot: Snapshot, state: IssueState) -> tuple[str, str]:
    progress = snapshot.release.progress if snapshot.release else None
    if state is IssueState.PREPARED and progress:
        return "busy", f"Sending: {progress.settled:,} of {progress.total:,}"
    if state is IssueState.SENT and progress and progress.outbox_copies:
        return "warn", "In the outbox, not sent"
    moods = {IssueState.SENT: "good", IssueState.PREPARED: "busy"}
    names = {IssueState.PREPARED: "Sending"}
    return moods.get(state, "warn"), names.get(state, state.value.capitalize())


def _built(snapshot: Snapshot, standing: IssueStanding) -> tuple[str, str]:
    if snapshot.seal != standing.fingerprint:
        changed = "Changed since approval" if standing.word else "Changed since it was frozen"
        return "warn", changed
    if standing.sent_back:
        return "warn", f"Sent back by {standing.sent_back}"
    if standing.word is None:
        return "idle", "Frozen, not approved"
    if standing.word.void:
        return "warn", f"Approval void: {' and '.join(standing.word.void)} changed"
    if standing.word.missing:
        return "warn", f"Approved by {standing.word.approval.by}; one more approval is needed"
    return "good", f"Approved by {standing.word.approval.by}"


def frames(query: PreviewQuery) -> list[tuple[str, int]]:
    """Return the frames to show, each a name and a width in pixels."""
    alone = query.view is PanelName.WEB and query.width is Width.WIDE
    wide = ("wide", SCREEN if alone else WIDE)
    phone = ("phone", PHONE)
    return {Width.WIDE: [wide], Width.PHONE: [phone], Width.BOTH: [wide, phone]}[query.width]


def lines(snapshot: Snapshot) -> list[dict[str, object]]:
    """Return the lines an editor may write, with the generated texts and their lengths."""
    decisions, built = snapshot.decisions, snapshot.built
    own, echoes = _own_words(snapshot), built is not None and built.view.echo is not None
    after_echo = "follows the votes on the last issue" if echoes else ""
    fields = (
        ("subject", "Subject", SUBJECT_FITS, f"phones show about {PHONE_SUBJECT}"),
        ("preheader", "Preheader", PREHEADER_MOST, "fills the line after the subject"),
        ("opening", "Opening words", 400, after_echo),
    )
    return [
        {
            "name": name,
            "label": label,
            "written": getattr(decisions, name),
            "own": own.get(name, ""),
            "length": _length(getattr(built.view, name) if built else ""),
            "fits": fits,
            "hint": hint,
        }
        for name, label, fits, hint in fields
    ]


def _own_words(snapshot: Snapshot) -> dict[str, str]:
    if snapshot.built is None:
        return {}
    own = snapshot.built.composed
    return {"subject": own.subject, "preheader": own.preheader, "opening": own.opening}


def _words(preview: PreviewSession, snapshot: Snapshot, query: PreviewQuery) -> dict[str, str]:
    built, newsletter = snapshot.built, snapshot.newsletter
    usual = preview.app.identity
    try:
        sender = (usual.of(newsletter) if newsletter else usual).sender_mailbox
        reader = reader_of(preview, query)
    except DigestError:
        return {"sender": "", "to": "", "subject": "", "preheader": ""}
    return {
        "sender": sender.name or sender.address,
        "to": reader.address,
        "subject": built.rendered.subject if built else "",
        "preheader": built.view.preheader if built else "",
    }


def _chosen(snapshot: Snapshot) -> list[dict[str, object]]:
    shown = snapshot.pick.chosen if snapshot.pick else ()
    return [
        {
            "slug": choice.candidate.slug,
            "title": choice.candidate.title,
            "categories": ", ".join(sorted(choice.candidate.categories)),
            "reason": choice.reason,
            "pinned": int(choice.candidate.slug in snapshot.decisions.pinned),
            "position": choice.position,
            "embargo": _embargo(snapshot, choice.candidate),
            "replaced": _replaced(snapshot, choice.candidate.slug),
            "verdicts": verdict_choices(snapshot, choice.candidate.slug),
            "passage": chosen_passage(snapshot, choice.candidate.slug),
            "note": snapshot.decisions.notes.get(choice.candidate.slug, ""),
        }
        for choice in shown
    ]


def _embargo(snapshot: Snapshot, candidate: Candidate) -> str:
    """Return that a comparison is dated after the issue; empty where it isn't."""
    day = snapshot.pick.day if snapshot.pick else date.max
    return embargo("It", candidate.published_on, day)


def _replaced(snapshot: Snapshot, slug: str) -> str:
    """Return that a changed file has taken the place of an edit; empty where none has."""
    known = snapshot.overlay.replaced.get(slug) if snapshot.overlay else None
    if known is None:
        return ""
    return f"Its file has changed since {known.editor} edited it (revision {known.number})"


def _counts(snapshot: Snapshot) -> dict[str, int]:
    """Return how many comparisons were asked for, the rule's number, the most, and what fits."""
    pick = snapshot.pick
    return {
        "asked": (pick.count or 0) if pick else 0,
        "rule": pick.rule.max_per_issue if pick else 0,
        "most": MOST,
        "fit": _fitting(snapshot),
    }


def _fitting(snapshot: Snapshot) -> int:
    """Return about how many comparisons Gmail would show in full; 0 where it isn't known."""
    if snapshot.built is None or len(snapshot.built.view.comparisons) <= 1:
        return 0
    carried = len(snapshot.built.view.comparisons)
    before_last = mail_sections(snapshot.built.rendered.html)[2 : 1 + carried]
    each = sum(section.bytes for section in before_last) / max(len(before_last), 1)
    left = CLIP_BYTES - _size(snapshot)["bytes"]
    return max(1, carried + int(left // each)) if each else 0


def _left_out(snapshot: Snapshot) -> list[dict[str, object]]:
    out = snapshot.pick.left_out if snapshot.pick else ()
    return [
        {
            "slug": exclusion.candidate.slug,
            "title": exclusion.candidate.title,
            "reason": exclusion.reason,
            "dropped": int(exclusion.why is ExclusionReason.DROPPED),
        }
        for exclusion in sorted(
            out, key=lambda excluded: (excluded.why is not ExclusionReason.DROPPED, excluded.why)
        )
    ]


def _in_words(names: Sequence[str]) -> str:
    """Return the first file names as words: "issue.txt, events.json and 3 more"."""
    more = len(names) - OTHERS_NAMED
    return ", ".join(names[:OTHERS_NAMED]) + (f" and {more} more" if more > 0 else "")


def _mail_findings(snapshot: Snapshot) -> Sequence[Finding]:
    return snapshot.built.findings if snapshot.built else ()


def _tally(snapshot: Snapshot) -> str:
    """Return the number of errors and warnings as text: "2 errors, 1 warning"."""
    severities = [finding.severity.value for finding in _mail_findings(snapshot)]
    counts = [(name, severities.count(name)) for name in ("error", "warning")]
    return ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts if count)


def _spam_findings(preview: PreviewSession, snapshot: Snapshot) -> Sequence[Finding]:
    """Return SpamAssassin's findings if they are about the shown mail, else none."""
    return preview.spam[1] if preview.spam and preview.spam[0] == snapshot.seal else ()


def _finding_rows(findings: Sequence[Finding]) -> list[dict[str, object]]:
    return [
        {
            "rule": finding.rule,
            "severity": finding.severity.value,
            "where": ":".join(
                str(part)
                for part in (finding.file or finding.place, finding.line, finding.column)
                if part
            ),
            "line": finding.line if finding.place == "html" and not finding.file else 0,
            "message": finding.message,
            "mend": finding.mend,
        }
        for finding in findings
    ]


def _size(snapshot: Snapshot) -> dict[str, Any]:
    if snapshot.built is None:
        return {"bytes": 0, "parts": [], "percent": 0, "links": 0, "limit": CLIP_BYTES}
    html = snapshot.built.rendered.html
    tracked = snapshot.built.view.tracked
    links = html.count("<a ") - html.count("clicktracking=off") if tracked else 0
    total = len(html.encode()) + links * REWRITTEN_BYTES
    sections = mail_sections(html)
    heaviest = max(section.bytes for section in sections)
    return {
        "bytes": total,
        "limit": CLIP_BYTES,
        "percent": min(100, round(total * 100 / CLIP_BYTES)),
        "links": links,
        "rewritten": REWRITTEN_BYTES,
        "parts": [
            (section.name, section.bytes, max(1, round(section.bytes * 100 / heaviest)))
            for section in sections
        ],
    }


def _length(text: str) -> int:
    return sum(1 for _ in graphemes(text))


def _fill(name: str, **variables: object) -> str:
    return fill(name, variables, template_folders("preview"))
