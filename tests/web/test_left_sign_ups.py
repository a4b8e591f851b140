"""Sign-ups that an earlier process recorded, and then ended."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import select

from digest.app.installation import App
from digest.db import Database
from digest.issues.models import Newsletter
from digest.settings import load
from digest.web.app import make_site
from digest.web.metrics import metrics_text
from digest.web.provider_webhook import RejectedPosts
from digest.web.server import listen, serve_in_thread
from subscribers.abuse_prevention import RateLimits
from subscribers.address import parse
from subscribers.models import RecordedSignup, Standing, Subscription
from subscribers.signup import SignupRequest, record_requests
from tests.conftest import NOW
from tests.web.hook import SECRET, eventually


def test_a_site_processes_them_before_anybody_visits_it(database: Database, tmp_path: Path) -> None:
    settings = load({}, database_url=str(database.url), secret=SECRET, outbox=tmp_path / "outbox")
    app = App(settings=settings, database=database, clock=lambda: NOW)
    request = SignupRequest(
        address=parse("ada@example.org"),
        newsletter="weekly",
        form="page",
        wording="Send me it.",
        language="en",
        network="192.0.2.0/24",
    )
    with database.write() as session:
        session.add(Newsletter(slug="weekly", name="Weekly AI Tool Verdicts"))
        record_requests(session, [request], limits=RateLimits(), hashes=app.hashes, now=NOW)

    def processed() -> bool:
        with database.read() as session:
            return session.exec(select(RecordedSignup)).first() is None

    waiting = b"\ndigest_signups_waiting %.1f\n"
    assert waiting % 1 in metrics_text(app, RejectedPosts())

    with serve_in_thread(make_site(app), listen(0)):
        assert eventually(processed)
    assert waiting % 0 in metrics_text(app, RejectedPosts())
    with database.read() as session:
        assert session.exec(select(Subscription.standing)).all() == [Standing.PENDING]
