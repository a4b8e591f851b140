"""What a reader's own page offers for their votes, from the switch to the mail that follows."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import update

from digest.comparisons import store as comparisons
from digest.comparisons.editing import draft_of_revision
from digest.delivery.models import Batch, BatchState
from digest.issues import store
from digest.letters import queue_verdict_letters
from digest.votes import preference_of
from subscribers.tokens import LinkTarget
from tests.web.conftest import MakeSite, Running

ADA, READER = "ada@example.org", 1
OFFER, STOP = "Email me when a verdict changes", "Stop these emails"


@pytest.fixture
def site(make_running: MakeSite) -> Running:
    return make_running(base_url="{url}")


def own(site: Running) -> str:
    return site.links.preferences(LinkTarget(READER, "weekly"), ADA)


def wants(site: Running) -> bool:
    with site.app.database.read() as session:
        return preference_of(session, READER).changes_since is not None


def switch(site: Running, *, on: bool) -> str:
    form = {"choice": "changes", "on": "1" if on else "0"}
    return site.http.post(f"{own(site)}/choice", data=form).text


def test_letters_on_changes_are_off_until_a_reader_switches_them_on(site: Running) -> None:
    assert OFFER in site.http.get(own(site)).text
    assert not wants(site)
    assert STOP in switch(site, on=True)
    assert wants(site)
    assert OFFER in switch(site, on=False)
    assert not wants(site)


def test_in_german_it_is_offered_in_german(site: Running) -> None:
    page = site.http.get(own(site), params={"lang": "de"}).text

    assert "Bei neuen Urteilen benachrichtigen" in page


def change_the_verdict(site: Running) -> str:
    """Give a tool of the first issue, which Ada got, another share; return the slug."""
    with site.app.database.write() as session:
        session.connection().execute(update(Batch).values(state=BatchState.ACCEPTED))
        issue = store.by_number(session, 1, 1)
        slug: str = issue.pick["chosen"][0]["slug"]
        newest = comparisons.latest(session, comparisons.by_slug(session, slug))
        draft = draft_of_revision(newest)
        left, right = draft.contenders
        left = left.model_copy(update={"panel_share": 25.0})
        draft = draft.model_copy(update={"contenders": (left, right)})
        comparisons.store_draft(session, draft, now=site.clock())
    return slug


def letters(site: Running) -> list[EmailMessage]:
    """Run the job and send what waits an hour later; return the mails in the outbox folder."""
    site.clock.advance(hours=1)
    queue_verdict_letters(site.app.database, site.clock())
    site.app.letters.send_waiting()
    folder: Path = site.app.settings.outbox
    return [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in sorted(folder.rglob("*.eml"))
    ]


def test_who_switched_them_on_gets_a_letter_that_leads_to_the_history(site: Running) -> None:
    switch(site, on=True)
    site.clock.advance(minutes=1)
    slug = change_the_verdict(site)

    [letter] = letters(site)
    assert letter["Subject"].startswith("The verdict changed: ")
    body = letter.get_body(("plain",))
    assert body is not None
    assert f"{site.url}/comparisons/{slug}?lang=en" in body.get_content()
    assert "25%" in site.get(f"/comparisons/{slug}").text
