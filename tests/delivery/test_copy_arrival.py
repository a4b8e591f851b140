"""What events say of single copies: whether a reader can have followed their links yet."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlmodel import select

from digest.db import Database
from digest.delivery.copy_arrival import copy_arrivals
from digest.delivery.events.event_handler import handle_events
from digest.delivery.models import Attempt
from digest.delivery.sending.dispatcher import dispatch
from digest.mail.provider_events import EventKind as Kind
from digest.mail.provider_events import ProviderEvent
from digest.votes import Copy, DeliveredState
from subscribers.tokens import Hashes
from tests.delivery.conftest import SECRET, MakeReaders, MakeSending

AWAITED, FAILED = DeliveredState(awaited=True), DeliveredState(failed=True)


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ([], AWAITED),
        ([Kind.PROCESSED], AWAITED),
        ([Kind.DEFERRED], AWAITED),
        ([Kind.DEFERRED, Kind.DELIVERED], "delivered"),
        ([Kind.BLOCKED], FAILED),
        ([Kind.DROPPED], FAILED),
        ([Kind.BOUNCED], FAILED),
        ([Kind.DELIVERED, Kind.BOUNCED], "delivered"),
        ([Kind.DELIVERED, Kind.COMPLAINED], "delivered"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_a_copy_s_arrival_is_what_its_events_say(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
    kinds: list[Kind],
    state: DeliveredState | str,
) -> None:
    [reader] = make_readers(1)
    sending = make_sending()
    dispatch(sending)
    at = int(now.timestamp()) + 120
    with database.write() as session:
        attempt = session.exec(select(Attempt.key)).one()
        events = [ProviderEvent(kind, at + after, "1", attempt) for after, kind in enumerate(kinds)]
        handle_events(session, events, hashes=Hashes([SECRET]), now=now)
        copy, stranger = Copy(sending.edition_id, reader), Copy(sending.edition_id, 404)
        found = copy_arrivals(session, [copy, stranger])
    if state == "delivered":
        state = DeliveredState(moment=at + kinds.index(Kind.DELIVERED))
    assert found == {copy: state}
