"""Messages wake the job that posts them: on PostgreSQL in the transaction that writes them."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from subscribers.announcements import announce
from subscribers.announcements.models import AnnouncementKind
from tests.worker.conftest import Works

pytestmark = pytest.mark.postgres
KIND = AnnouncementKind.ISSUE_HELD
WAKE = "wake/webhooks"


def tell(works: Works, session: Session) -> None:
    announce(session, KIND, "issue/weekly/2026-W48", {}, works.app.clock())


def test_a_message_wakes_the_job_with_its_own_commit(works: Works) -> None:
    works.app.webhooks.add("https://hooks.example/", [KIND])
    for _ in range(2):
        with works.app.database.write() as session:
            tell(works, session)
            assert works.jobs_in(session).count(WAKE) <= 1
    assert works.jobs().count(WAKE) == 1


def test_what_is_rolled_back_wakes_nothing(works: Works) -> None:
    works.app.webhooks.add("https://hooks.example/", [KIND])
    with Session(works.app.database.engine) as session:
        tell(works, session)
    assert WAKE not in works.jobs()


def test_what_nobody_asked_for_wakes_nothing(works: Works) -> None:
    with works.app.database.write() as session:
        tell(works, session)
    assert WAKE not in works.jobs()
