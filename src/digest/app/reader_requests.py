"""Answer what one reader may ask for: all that is stored about them, and its erasure.

This module hides in which packages a reader's data lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from digest.app.resources import Resources
from digest.app.voting import Voting
from digest.delivery.reporting import issues_sent_to
from digest.issues.variants import match_facts
from digest.votes import export_votes
from subscribers import export, lifecycle, store, suppression
from subscribers.errors import UnknownReader
from subscribers.store import Evidence, Reader


@dataclass(frozen=True)
class ReaderRequests:
    """What an installation does for one reader."""

    resources: Resources
    votes: Voting

    def record(self, session: Session, address_key: str) -> dict[str, Any]:
        """Return all that is stored about an address: its reader's data, and its suppression.

        Raises `UnknownReader` where nothing is stored.
        """
        hashes, now = self.resources.hashes, self.resources.clock()
        reader = store.find(session, address_key)
        held = suppression.find(session, address_key, hashes)
        wished = store.is_requested(session, address_key)
        declined = suppression.declined_mailboxes(session, [address_key], hashes, now)
        if not (reader or held or wished or declined):
            raise UnknownReader
        facts = export.person(session, reader.id) if reader else {}
        if reader:
            facts |= self.kept_elsewhere(session, reader.id)
        facts["suppression"] = held._asdict() if held else None
        facts["wished_for"] = wished
        facts["declined_at"] = declined.get(address_key)
        return facts

    def kept_elsewhere(self, session: Session, subscriber_id: int) -> dict[str, Any]:
        """Return what is stored about a reader beside the list itself."""
        return {
            "issues": issues_sent_to(session, subscriber_id),
            "votes": export_votes(session, subscriber_id),
            **match_facts(session, subscriber_id),
        }

    def erase(self, session: Session, reader: Reader, evidence: Evidence) -> None:
        """Erase everything about a reader but the proof of consent, and a keyed hash.

        The caller commits, and then calls `digest.db.Database.scrub`.
        """
        hashes, now = self.resources.hashes, self.resources.clock()
        erase = self.votes.erase_reader
        lifecycle.erase(session, reader.id, evidence, hashes, now, elsewhere=erase)
