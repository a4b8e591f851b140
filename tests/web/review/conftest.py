"""Fixtures of a review: a draft on a site, its editors, and the letters they get."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import httpx2
import pytest
from sqlmodel import Session

from digest.issues import approval, store
from digest.issues.models import Approval, Edition, Issue, Recipe, Slot, SlotState
from digest.service.editor_notifications import notify_editors
from digest.service.job_registry import editor_notifications_of
from tests.web.conftest import DRAFT, MakeSite, Running

ANN, BEN = "ann@example.org", "ben@example.org"
PERIOD = "2026-W48"
BASE = "https://news.example.com"
WARNING = {
    "rule": "image-alt",
    "severity": "warning",
    "place": "html",
    "message": "an image has no alternative text",
    "mend": "Write one.",
}


@dataclass
class Review:
    """A draft that is due tomorrow, and what its editors and others do with it."""

    site: Running

    def draft(self, session: Session) -> Issue:
        """Return the draft's row."""
        newsletter = store.newsletter(session, "weekly")
        return store.by_number(session, newsletter.id, DRAFT)

    def notify(self) -> None:
        """Send the notices that are due, as the service does each minute."""
        app = self.site.app
        notify_editors(editor_notifications_of(app), app.clock())

    def letters(self, address: str) -> list[EmailMessage]:
        """Return the letters to an editor in the outbox, once nobody is writing one."""
        for thread in threading.enumerate():
            if thread.name == "letters":
                thread.join(20)
        folder = self.site.app.settings.outbox / "letters"
        read = [
            message_from_bytes(path.read_bytes(), policy=policy.default) for path in files(folder)
        ]
        return [mail for mail in read if isinstance(mail, EmailMessage) and mail["To"] == address]

    def link(self, address: str, subject: str = "Draft") -> str:
        """Return the URL of the page, from a letter to an editor."""
        letter = next(mail for mail in self.letters(address) if subject in mail["Subject"])
        found = re.search(rf"{BASE}(/review/\S+)", body(letter))
        assert found
        return self.site.url + found[1]

    def code(self, address: str) -> str:
        """Return the code of the newest letter that brings one."""
        letters = [mail for mail in self.letters(address) if "Your code" in mail["Subject"]]
        found = re.search(r"The code is (\d{4} \d{4})", body(letters[-1]))
        assert found
        return found[1]

    def ask(self, url: str) -> httpx2.Response:
        """Ask for a code, as the page's form does."""
        return self.site.http.post(f"{url}/code", data={"seen": self.seen()})

    def decide(self, url: str, code: str, **fields: str) -> httpx2.Response:
        """Send the page's other form; it approves unless *fields* say otherwise."""
        chosen = {"act": "approve", "seen": self.seen(), "code": code, **fields}
        return self.site.http.post(f"{url}/decide", data=chosen)

    def approve(self, address: str) -> httpx2.Response:
        """Go the whole way of an editor, from the letter to the approval."""
        url = self.link(address)
        self.ask(url)
        return self.decide(url, self.code(address))

    def seen(self) -> str:
        """Return the fingerprint of the draft's mail."""
        with self.site.app.database.read() as session:
            return store.edition_of(session, self.draft(session)).fingerprint

    def history(self) -> list[Approval]:
        """Return what was decided."""
        with self.site.app.database.read() as session:
            return list(approval.history(session, self.draft(session)))

    def change(self, act: Callable[[Session, Issue], object]) -> None:
        """Change the draft in a transaction."""
        with self.site.app.database.write() as session:
            act(session, self.draft(session))


def files(folder: Path) -> list[Path]:
    """Return the files of a folder in the order of their writing."""
    return sorted(folder.glob("*.eml"), key=lambda path: (path.stat().st_mtime_ns, path.name))


def body(letter: EmailMessage) -> str:
    """Return a letter's text part."""
    part = letter.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def build_again(session: Session, issue: Issue) -> None:
    """Give an issue a new edition, with another subject."""
    old = store.edition_of(session, issue)
    recipe = session.get_one(Recipe, old.id)
    changed = {"id": None, "revision": 2, "subject": "Another subject", "fingerprint": "f" * 64}
    new = Edition(**{**old.model_dump(), **changed})
    session.add(new)
    session.flush()
    session.add(Recipe(**{**recipe.model_dump(), "edition_id": new.id}))


def warn(session: Session, issue: Issue) -> None:
    """Let a check warn of an issue's mail."""
    recipe = session.get_one(Recipe, store.edition_of(session, issue).id)
    recipe.findings = [{**WARNING, "severity": "warning"}]
    session.add(recipe)


def err(session: Session, issue: Issue) -> None:
    """Let a check forbid an issue's mail."""
    recipe = session.get_one(Recipe, store.edition_of(session, issue).id)
    recipe.findings = [{**WARNING, "severity": "error"}]
    session.add(recipe)


@pytest.fixture
def review(make_running: MakeSite) -> Review:
    """A draft that is due tomorrow at this time; its letter has gone to two editors."""
    made = Review(make_running(editors=f"{ANN},{BEN}"))
    clock = made.site.clock

    def schedule(session: Session, issue: Issue) -> None:
        due_at = clock() + timedelta(days=1)
        session.add(
            Slot(
                newsletter_id=issue.newsletter_id,
                period=PERIOD,
                day=due_at.date(),
                due_at=due_at,
                state=SlotState.DRAFTED,
                claimed_at=clock(),
            )
        )

    made.change(schedule)
    made.change(clean)
    made.change(lambda session, issue: set_reminder(session, issue, hours=1))
    made.notify()
    return made


def clean(session: Session, issue: Issue) -> None:
    """Make a draft's mail one that no check finds anything in."""
    edition = store.edition_of(session, issue)
    edition.preheader = "Two comparisons, eight reviewers, and one tool that leads."
    session.add(edition)


def set_reminder(session: Session, issue: Issue, *, hours: int) -> None:
    """Let the editors be reminded that long before the moment."""
    newsletter = store.newsletter_of(session, issue)
    newsletter.remind_lead = hours
    session.add(newsletter)
