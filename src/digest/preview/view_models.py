"""The desk's pages: what its templates are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from digest.errors import DigestError
from digest.issues.models import IssueState
from digest.issues.picking import ExclusionReason
from digest.preview.client_simulation import Scheme, mail_sections
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

WIDE, PHONE, SCREEN = 660, 375, 800  # pixels
PHONE_SUBJECT = 40  #: characters a phone shows of a subject
VIEWS = (
    (PanelName.MAIL, "Mail"),
    (PanelName.TEXT, "Text"),
    (PanelName.SOURCE, "Source"),
    (PanelName.HEADERS, "Headers"),
    (PanelName.REQUEST, "Request"),
    (PanelName.WEB, "Web copy"),
    (PanelName.CASES, "Hard cases"),
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


def page(desk: PreviewSession, asked: PreviewQuery, stage: Markup) -> str:
    """Return the whole page, with a stage that is filled already."""
    return _fill("desk.html", **common(desk, asked), stage=stage)


def parts(desk: PreviewSession, asked: PreviewQuery) -> dict[str, Any]:
    """Return the parts of the page that change, as a page that is open takes them."""
    given = common(desk, asked)
    return {
        "version": desk.look.version,
        "seal": desk.look.seal,
        "bar": _fill("bar.html", **given),
        "panel": _fill("panel.html", **given),
        "fault": _fill("fault.html", **given),
        "words": given["words"],
        "shown": int(desk.look.proof is not None),
    }


def stage(desk: PreviewSession, asked: PreviewQuery, **given: object) -> str:
    """Return the part that shows the mail, one way or another."""
    return _fill(f"stage-{asked.view}.html", **common(desk, asked), **given)


def empty(said: str) -> str:
    """Return a stage that says why there is nothing on it."""
    return _fill("stage-empty.html", said=said)


def common(desk: PreviewSession, asked: PreviewQuery) -> dict[str, Any]:
    """Return what every part of the page may know."""
    look = desk.look
    return {
        "look": look,
        "asked": asked,
        "newsletter": look.newsletter.name if look.newsletter else "Newsletter",
        "standing": look.standing,
        "status": status(look),
        "views": [(view.value, name, number) for number, (view, name) in enumerate(VIEWS, 1)],
        "widths": WIDTHS,
        "schemes": SCHEMES,
        "frames": frames(asked),
        "readers": [(each.key, each.name) for each in MADE_UP],
        "words": _words(desk, asked),
        "case": case_name(asked.case),
        "web_url": look.proof.view.web_url if look.proof else "",
        "lines": lines(look),
        "chosen": _chosen(look),
        "left_out": _left_out(look),
        "unsaved": len(look.shelf.drafts) if look.shelf else 0,
        "findings": _findings([*_found(look), *_of_spam(desk)]),
        "asked_spam": int(desk.spam is not None and desk.spam[0] == look.seal),
        "errors": sum(each.severity is Severity.ERROR for each in _found(look)),
        "warnings": sum(each.severity is Severity.WARNING for each in _found(look)),
        "tally": _tally(look),
        "warned": sorted({e.rule for e in _found(look) if e.severity is Severity.WARNING}),
        "size": _size(look),
        "open": int(look.standing is None or look.standing.state in OPEN),
        "Why": ExclusionReason,
    }


OPEN = (None, IssueState.BUILT, IssueState.SKIPPED)


def status(look: Snapshot) -> tuple[str, str]:
    """Say where the issue stands: a mood (idle, good, bad, busy) and words."""
    standing = look.standing
    if standing is None:
        return "idle", "Nothing yet"
    if standing.state not in OPEN:
        return "busy", str(standing.state).capitalize()
    if standing.state is not IssueState.BUILT:
        return "idle", "Draft"
    return _built(look, standing)


def _built(look: Snapshot, standing: IssueStanding) -> tuple[str, str]:
    if look.seal != standing.fingerprint:
        changed = "Changed since approval" if standing.word else "Changed since it was frozen"
        return "warn", changed
    if standing.word is None:
        return "idle", "Frozen, not approved"
    if standing.word.void:
        return "warn", f"Approval void: {' and '.join(standing.word.void)} changed"
    return "good", f"Approved by {standing.word.approval.by}"


def frames(asked: PreviewQuery) -> list[tuple[str, int]]:
    """Return the frames to show: a name and a width in pixels each."""
    wide = ("wide", SCREEN if asked.view is PanelName.WEB else WIDE)
    phone = ("phone", PHONE)
    return {Width.WIDE: [wide], Width.PHONE: [phone], Width.BOTH: [wide, phone]}[asked.width]


def lines(look: Snapshot) -> list[dict[str, object]]:
    """Return the lines an editor may write, with the engine's own words and their lengths."""
    decisions, proof = look.decisions, look.proof
    own = _own_words(look)
    told = (
        ("subject", "Subject", SUBJECT_FITS, f"phones show about {PHONE_SUBJECT}"),
        ("preheader", "Preheader", PREHEADER_MOST, "fills the line after the subject"),
        ("opening", "Opening words", 400, ""),
    )
    return [
        {
            "name": name,
            "label": label,
            "written": getattr(decisions, name),
            "own": own.get(name, ""),
            "length": _length(getattr(proof.view, name) if proof else ""),
            "fits": fits,
            "hint": hint,
        }
        for name, label, fits, hint in told
    ]


def _own_words(look: Snapshot) -> dict[str, str]:
    if look.proof is None:
        return {}
    own = look.proof.composed
    return {"subject": own.subject, "preheader": own.preheader, "opening": own.opening}


def _words(desk: PreviewSession, asked: PreviewQuery) -> dict[str, str]:
    proof = desk.look.proof
    try:
        sender, reader = desk.app.sender(), reader_of(desk, asked)
    except DigestError:
        return {"sender": "", "to": "", "subject": "", "preheader": ""}
    return {
        "sender": sender.name or sender.address,
        "to": reader.address,
        "subject": proof.rendered.subject if proof else "",
        "preheader": proof.view.preheader if proof else "",
    }


def _chosen(look: Snapshot) -> list[dict[str, object]]:
    shown = look.pick.chosen if look.pick else ()
    return [
        {
            "slug": one.candidate.slug,
            "title": one.candidate.title,
            "shelf": ", ".join(sorted(one.candidate.categories)),
            "reason": one.reason,
            "pinned": int(one.candidate.slug in look.decisions.pinned),
            "position": one.position,
        }
        for one in shown
    ]


def _left_out(look: Snapshot) -> list[dict[str, object]]:
    out = look.pick.left_out if look.pick else ()
    return [
        {
            "slug": one.candidate.slug,
            "title": one.candidate.title,
            "reason": one.reason,
            "dropped": int(one.why is ExclusionReason.DROPPED),
        }
        for one in sorted(out, key=lambda each: (each.why is not ExclusionReason.DROPPED, each.why))
    ]


def _found(look: Snapshot) -> Sequence[Finding]:
    return look.proof.findings if look.proof else ()


def _tally(look: Snapshot) -> str:
    """Count errors and warnings in words: "2 errors, 1 warning"."""
    kinds = [each.severity.value for each in _found(look)]
    counts = [(name, kinds.count(name)) for name in ("error", "warning")]
    return ", ".join(f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts if n)


def _of_spam(desk: PreviewSession) -> Sequence[Finding]:
    """Return what SpamAssassin said, as long as the mail is the one it was asked about."""
    return desk.spam[1] if desk.spam and desk.spam[0] == desk.look.seal else ()


def _findings(found: Sequence[Finding]) -> list[dict[str, object]]:
    return [
        {
            "rule": each.rule,
            "severity": each.severity.value,
            "where": ":".join(
                str(part) for part in (each.file or each.place, each.line, each.column) if part
            ),
            "line": each.line if each.place == "html" and not each.file else 0,
            "message": each.message,
            "mend": each.mend,
        }
        for each in found
    ]


def _size(look: Snapshot) -> dict[str, Any]:
    if look.proof is None:
        return {"bytes": 0, "parts": [], "percent": 0, "links": 0, "limit": CLIP_BYTES}
    html = look.proof.rendered.html
    tracked = look.proof.view.tracked
    links = html.count("<a ") - html.count("clicktracking=off") if tracked else 0
    total = len(html.encode()) + links * REWRITTEN_BYTES
    found = mail_sections(html)
    heaviest = max(each.bytes for each in found)
    return {
        "bytes": total,
        "limit": CLIP_BYTES,
        "percent": min(100, round(total * 100 / CLIP_BYTES)),
        "links": links,
        "rewritten": REWRITTEN_BYTES,
        "parts": [
            (each.name, each.bytes, max(1, round(each.bytes * 100 / heaviest))) for each in found
        ],
    }


def _length(text: str) -> int:
    return sum(1 for _ in graphemes(text))


def _fill(name: str, **given: object) -> str:
    return fill(name, given, template_folders("desk"))
