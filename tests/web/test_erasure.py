"""Erasure: what every file of an installation still holds of an erased reader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlmodel import col, select

from digest.delivery.models import Attempt, DeadLetter, Delivery, MailEvent
from digest.delivery.reporting.statistics import edition_statistics
from digest.delivery.sending.dispatcher import dispatch
from digest.fake_sendgrid.events.signing import Signer, new_key
from digest.issues import store
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, PreparedRequest, Refused
from subscribers import lifecycle, suppression
from subscribers.abuse_prevention.rate_limits import RateLimits
from subscribers.address.syntax import parse
from subscribers.models import Standing, Subscriber, Subscription
from subscribers.signup.requests import SignupRequest, record_requests
from subscribers.store import Evidence
from subscribers.tokens import LetterCause, LinkTarget
from tests.conftest import NOW
from tests.web.conftest import DRAFT, MakeSite, Running, freeze
from tests.web.hook import eventually

LOCAL, DOMAIN = "zqxfourth.Vqme", "wjqerasure.example.org"
ADDRESS = f"{LOCAL}@{DOMAIN}"
#: What names the reader: the local part, both names in it, the domain.
NAMES = [b"zqxfourth", b"vqme", b"wjqerasure"]
SAID = f"550 5.1.1 <{ADDRESS}>: user {LOCAL} unknown (Zqxfourth Vqme, mx.{DOMAIN})"
AT = int(NOW.timestamp()) + 60
WEBHOOK = "/webhooks/sendgrid"


@dataclass
class ErasableSite:
    """A site that holds a reader's name in every file it can."""

    site: Running
    folder: Path
    signer: Signer
    reader: int
    delivery: int
    attempt: str

    def found(self) -> dict[str, list[bytes]]:
        """Return what names the reader, by the file it stands in."""
        read = {
            each: each.read_bytes().lower() for each in self.folder.rglob("*") if each.is_file()
        }
        named = {
            str(path.relative_to(self.folder)): [each for each in NAMES if each in words]
            for path, words in read.items()
        }
        return {path: names for path, names in named.items() if names}

    def erase(self) -> None:
        page = self.site.links.preferences(LinkTarget(self.reader, "weekly"), ADDRESS)
        path = page.removeprefix(self.site.app.settings.base_url)
        assert self.site.http.post(f"{path}/erase").status_code == 200


def event(kind: str, **own: Any) -> dict[str, Any]:
    return {"event": kind, "timestamp": AT, "email": ADDRESS, "reason": SAID, **own}


def posted(site: Running, signer: Signer, body: bytes) -> None:
    headers = signer.headers(body, NOW.timestamp())
    assert site.http.post(WEBHOOK, content=body, headers=headers).status_code == 204


def refusing(named: int) -> Any:
    """Answer the first request with a refusal that names a reader, and take the next."""
    answers: Iterator[Answer] = iter(
        [Refused(status=400, detail=SAID, recipients={named: SAID}), Accepted(status=202)]
    )

    def answer(_request: PreparedRequest) -> Answer:
        return next(answers)

    return answer


def add_reader(site: Running) -> int:
    with site.app.database.write() as session:
        reader = Subscriber(address=ADDRESS, address_key=ADDRESS.lower(), created_at=NOW)
        session.add(reader)
        session.flush()
        number = reader.id or 0
        session.add(
            Subscription(
                subscriber_id=number,
                newsletter="weekly",
                standing=Standing.CONFIRMED,
                since=NOW,
            )
        )
    return number


def send(site: Running) -> str:
    """Send the draft to both readers, the second refused by name; returns the attempt it took."""
    app = site.app
    with app.database.write() as session:
        issue = store.by_number(session, 1, DRAFT)
        freeze(session, issue, NOW)
        sending = app.sending.edition_send(session, issue)
    dispatch(replace(sending, transport=MemoryTransport(answer=refusing(1))), concurrency=1)
    with app.database.read() as session:
        taken = select(Attempt.key).where(Attempt.outcome == "accepted")
        return session.exec(taken).one()


@pytest.fixture
def erasable(make_running: MakeSite, tmp_path: Path) -> ErasableSite:
    signer = Signer(new_key())
    site = make_running(webhook_keys=signer.public_key)
    reader = add_reader(site)
    attempt = send(site)
    with site.app.database.read() as session:
        statement = select(Delivery).where(Delivery.subscriber_id == reader)
        delivery = session.exec(statement.order_by(col(Delivery.id).desc())).first()
    assert delivery is not None
    ours = {"digest_attempt": attempt, "digest_delivery": str(delivery.id)}
    events = [
        event("bounce", type="blocked", **ours),
        event("dropped", **ours),
        event("deferred", response=SAID, **ours),
        event("bounce"),  # of no mail of ours, but of our reader
        event("deferred", digest_attempt="f" * 32, digest_delivery="1"),  # of somebody's mail
        event("bounce", **ours, timestamp="never"),
    ]
    body = orjson.dumps(events)
    posted(site, signer, body)
    posted(site, signer, body[:-40])  # it was cut off
    site.http.post(WEBHOOK, content=body, headers={})  # nobody has signed it
    return ErasableSite(site, tmp_path, signer, reader, delivery.id or 0, attempt)


def test_erasure_leaves_no_name_and_no_domain_of_a_reader_in_any_file(
    erasable: ErasableSite, caplog: pytest.LogCaptureFixture
) -> None:
    assert "digest.db" in "".join(erasable.found())
    erasable.erase()
    assert erasable.found() == {}
    assert [name for name in NAMES if name in caplog.text.lower().encode()] == []


@pytest.mark.parametrize("by", [{"page": "1"}, {"List-Unsubscribe": "One-Click"}])
def test_this_was_not_me_leaves_no_spelling_of_the_address_in_any_file(
    make_running: MakeSite,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    by: dict[str, str],
) -> None:
    site = make_running(outbox=tmp_path_factory.mktemp("mails"))
    erasable = ErasableSite(site, tmp_path, Signer(new_key()), 0, 0, "")
    app = site.app
    for spelling in (ADDRESS, *(f"{LOCAL}+{number}@{DOMAIN}" for number in range(5))):
        asked = SignupRequest(
            address=parse(spelling),
            newsletter="weekly",
            form="page",
            wording="Yes.",
            language="en",
            network="192.0.2.0",
        )
        with app.database.write() as session:
            assert record_requests(
                session, [asked], limits=RateLimits(), hashes=app.hashes, now=NOW
            ) == [None]
        app.public_site.process_sign_ups()
    with app.database.read() as session:
        statement = select(Subscriber.id).where(Subscriber.address_key == ADDRESS.lower())
        number = session.exec(statement).one() or 0
    assert erasable.found() != {}
    known = suppression.mailbox_hash(ADDRESS.lower(), app.hashes)
    page = site.links.decline(LetterCause(known, "weekly", subscriber_id=number))
    path = page.removeprefix(app.settings.base_url).partition("?")[0]
    assert site.http.post(path, data=by).status_code == 200
    assert erasable.found() == {}


def test_words_stored_by_an_earlier_version_go_with_their_reader(erasable: ErasableSite) -> None:
    with erasable.site.app.database.write() as session:
        for row in session.exec(select(MailEvent)).all():
            row.detail = SAID
        for kept in session.exec(select(DeadLetter)).all():
            kept.said = SAID
        for tried in session.exec(select(Attempt)).all():
            tried.detail = SAID
    erasable.erase()
    assert erasable.found() == {}


def files_with(erasable: ErasableSite, words: bytes) -> list[str]:
    files = [each for each in erasable.folder.rglob("*") if each.is_file()]
    return [each.name for each in files if words in each.read_bytes()]


@pytest.mark.parametrize("way", ["pruned", "erased"])
def test_tidying_leaves_nothing_readable_of_the_events_that_go(
    erasable: ErasableSite, way: str
) -> None:
    app = erasable.site.app
    with app.database.write() as session:
        for row in session.exec(select(MailEvent)).all():
            row.detail = "words of a mailbox"
        if way == "erased":  # as an earlier version did it
            lifecycle.erase(session, erasable.reader, Evidence(channel="page"), app.hashes, NOW)
    assert files_with(erasable, b"words of a mailbox") != []
    if way == "pruned":
        erasable.site.clock.advance(days=500)
    app.events.prune()
    assert files_with(erasable, b"words of a mailbox") == []


def test_the_counts_stay_when_a_reader_is_erased(erasable: ErasableSite) -> None:
    def counted() -> Any:
        with erasable.site.app.database.read() as session:
            edition = store.edition_of(session, store.by_number(session, 1, DRAFT))
            found = edition_statistics(session, edition.id or 0)
            return replace(found, providers=())

    before = counted()
    erasable.erase()
    assert counted() == before


def test_an_event_of_an_erased_reader_is_not_recorded(erasable: ErasableSite) -> None:
    erasable.erase()
    again = event("bounce", digest_attempt=erasable.attempt, digest_delivery=str(erasable.delivery))
    posted(erasable.site, erasable.signer, orjson.dumps([{**again, "timestamp": AT + 5}]))
    with erasable.site.app.database.read() as session:
        kept = select(MailEvent).where(MailEvent.delivery_id == erasable.delivery)
        assert session.exec(kept).all() == []
    # The site's own thread deletes the file of what it has applied, after the answer.
    assert eventually(lambda: erasable.found() == {})
