"""What programs are told of a built issue: the fields of `digest show --json` and of the API."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from digest.issues import provenance
from digest.issues.models import Edition, Issue


def issue_facts(issue: Issue, edition: Edition) -> dict[str, Any]:
    """Return an issue's facts as plain values."""
    return {
        "issue": issue.number,
        "period": issue.period,
        "corrects": issue.corrected_number,
        "state": issue.state,
        "note": issue.note,
        "subject": edition.subject,
        "preheader": edition.preheader,
        "revision": edition.revision,
        "fingerprint": edition.fingerprint,
        "variants": [asdict(note) for note in provenance.variants_of(edition)],
        "html_bytes": len(edition.html.encode()),
        "text_bytes": len(edition.text.encode()),
        "built_at": issue.built_at,
        "prepared_at": issue.prepared_at,
        "sent_at": issue.sent_at,
    }


def chosen_facts(issue: Issue, edition: Edition) -> dict[str, Any]:
    """Return an issue's facts with what was picked for it, and what editors wrote and chose."""
    decisions = provenance.decisions_of(edition)
    draft = asdict(decisions) if decisions else None
    return {**issue_facts(issue, edition), "pick": issue.pick, "draft": draft}
