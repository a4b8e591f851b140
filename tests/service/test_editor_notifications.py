"""Editor notifications: what editors are told of a slot, each notice once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session

from digest.errors import MailUnfit
from digest.issues import approval, store
from digest.issues.build import IssueBuilder
from digest.issues.calendar.slot_workflow import EditorNotice, SlotTimes, due_notice
from digest.issues.models import ApprovalChannel, Newsletter, Slot, SlotState
from digest.issues.review_link import REVIEW_TAG, review_token
from digest.mail.mailing import Content, Mailbox
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, InDoubt, NotSent
from digest.render.rendered import Rendered
from digest.service.editor_notifications import EditorNotifications, notify_editors
from digest.service.publisher import ReleaseDecision
from digest.sources.models import PageOutcome, Source, SourcePage
from digest.sources.proposals import propose
from subscribers.tokens import Tokens
from tests.service.conftest import NO, World
from tests.sources.conftest import Followed, draft

TOKENS = Tokens(["a secret of the tests, long enough"])
TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
TIMES = SlotTimes.of(Newsletter(slug="weekly", name="Weekly"))


class EditorMailbox:
    """The notices that the editors got of one installation."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answer: Answer = Accepted()
        self.transport = MemoryTransport(answer=lambda _: self.answer)

    def tick(self, at: datetime) -> None:
        self.world.tick(at)
        notify_editors(self._letters(), at)

    def subjects(self) -> list[str]:
        return [mailing.content.subject for mailing in self.transport.accepted]

    def _letters(self) -> EditorNotifications:
        world = self.world
        return EditorNotifications(
            store=world.database,
            addresses=["ed@example.org", "ann@example.org"],
            base_url="https://news.example.com",
            hand_over=lambda mailing: self.transport.hand_over(self.transport.prepare(mailing)),
            issue=lambda *_: content("The issue"),
            letter=lambda _newsletter, subject, words, url: content(
                subject, "\n".join([*words, url])
            ),
            sign=lambda link: review_token(TOKENS, link),
            allowed=lambda *_: world.decision,
        )


def content(subject: str, text: str = "text") -> Content:
    html = "<html><body class=page><p>text</p></body></html>"
    return Content(subject=subject, html=html, text=text, sender=Mailbox("us@example.com"))


def broken(issue_builder: IssueBuilder) -> IssueBuilder:
    def render(_: object) -> Rendered:
        raise MailUnfit("a template is broken")

    return replace(issue_builder, render=render)


@pytest.fixture
def mailbox(world: World) -> EditorMailbox:
    world.decision = NO
    return EditorMailbox(world)


def test_the_draft_goes_to_each_editor_alone_with_what_to_do_above_it(
    mailbox: EditorMailbox,
) -> None:
    mailbox.tick(TUESDAY - 48 * HOUR)
    (sent,) = mailbox.transport.accepted
    assert sent.content.subject == "[Draft for Tue 24 Nov 09:00]: The issue"
    assert sent.content.text.startswith("This is the draft of issue 1.\nIt goes out on Tuesday, 24")
    assert "digest approve 1" in sent.content.html
    assert [to.address for to in sent.recipients] == ["ed@example.org", "ann@example.org"]


def test_the_draft_says_how_many_proposals_wait(mailbox: EditorMailbox) -> None:
    followed = Followed(mailbox.world.database)
    with mailbox.world.database.write() as session:
        source = session.get_one(Source, followed.source_id)
        page = session.get_one(SourcePage, followed.page_id)
        assert propose(session, source, page, draft(), TUESDAY) is PageOutcome.NEW
    mailbox.tick(TUESDAY - 48 * HOUR)
    (sent,) = mailbox.transport.accepted
    says = "1 proposal waits from the sites you follow: digest sources proposals"
    assert says in sent.content.text


def test_the_command_in_a_letter_names_another_newsletter(
    mailbox: EditorMailbox, world: World
) -> None:
    with world.database.write() as session:
        store.newsletter(session, "weekly").slug = "tools"
        session.add(Newsletter(slug="weekly", name="Another", scheduled=False))
    mailbox.tick(TUESDAY - 48 * HOUR)
    assert "digest approve 1 --newsletter tools" in mailbox.transport.accepted[0].content.text


def test_every_letter_is_sent_once(mailbox: EditorMailbox) -> None:
    for _ in range(3):
        mailbox.tick(TUESDAY - 48 * HOUR)
    assert len(mailbox.subjects()) == 1


def test_what_is_not_approved_is_reminded_of_and_then_told_as_held_and_missed(
    mailbox: EditorMailbox,
) -> None:
    for hours in (-48, -24, -1, 0, 1, 13):
        mailbox.tick(TUESDAY + hours * HOUR)
    assert mailbox.subjects() == [
        "[Draft for Tue 24 Nov 09:00]: The issue",
        "[Not approved, due Tue 24 Nov 09:00]: The issue",
        "Held: the issue of 2026-W48",
        "Missed: the issue of 2026-W48",
    ]


def test_what_is_approved_is_not_reminded_of(mailbox: EditorMailbox) -> None:
    mailbox.tick(TUESDAY - 48 * HOUR)
    mailbox.world.decision = mailbox.world.decision._replace(may_go=True)
    mailbox.tick(TUESDAY - 20 * HOUR)
    mailbox.tick(TUESDAY)
    assert len(mailbox.subjects()) == 1


def test_a_draft_that_is_approved_already_says_so(mailbox: EditorMailbox) -> None:
    mailbox.world.decision = ReleaseDecision(True, "approved by Ann", by="Ann")
    mailbox.tick(TUESDAY - 48 * HOUR)
    (sent,) = mailbox.transport.accepted
    assert "09:00 (UTC): it is approved by Ann." in sent.content.text
    assert "digest approve" not in sent.content.text


def test_who_was_reminded_of_an_issue_gets_no_draft_of_it_once_it_is_approved(
    mailbox: EditorMailbox,
) -> None:
    mailbox.tick(TUESDAY - HOUR)  # the service starts so late that both are due
    mailbox.world.decision = ReleaseDecision(True, "approved by Ann", by="Ann")
    mailbox.tick(TUESDAY - HOUR / 2)
    assert mailbox.subjects() == ["[Not approved, due Tue 24 Nov 09:00]: The issue"]


def test_a_reminder_says_what_the_checks_say_and_the_whole_command(mailbox: EditorMailbox) -> None:
    step = "digest approve 1 --despite alt"
    mailbox.world.decision = ReleaseDecision(
        False, "not approved", step=step, warnings=tuple(f"warning {n}" for n in range(10))
    )
    mailbox.tick(TUESDAY - HOUR)
    (sent,) = mailbox.transport.accepted
    said = sent.content.text.splitlines()
    assert f"To let it go out: {step}" in said
    assert said[2:5] == ["What the checks say:", "warning 0", "warning 1"]
    assert said[11] == "and 2 more: digest check shows them all"


def test_a_held_issue_that_could_not_be_made_asks_for_no_approval_of_nothing(
    mailbox: EditorMailbox,
) -> None:
    mailbox.world.issue_builder = broken(mailbox.world.issue_builder)
    mailbox.tick(TUESDAY)
    (sent,) = mailbox.transport.accepted
    assert sent.content.subject == "Held: the issue of 2026-W48"
    assert "digest build --period 2026-W48" in sent.content.text


def test_an_empty_week_is_reported_ahead_and_as_skipped(
    mailbox: EditorMailbox, world: World
) -> None:
    world.change(max_per_issue=8)
    world.decision = world.decision._replace(may_go=True)
    mailbox.tick(TUESDAY)
    mailbox.transport.accepted.clear()
    for hours in (-48, -20, 0):
        mailbox.tick(TUESDAY + timedelta(weeks=1) + hours * HOUR)
    assert mailbox.subjects() == ["No draft yet for Tue 1 Dec 09:00", "No issue for 2026-W49"]
    assert "8 already featured" in mailbox.transport.accepted[1].content.text


def test_no_editor_is_told_that_a_draft_is_missing_while_it_is_being_made() -> None:
    def notice(minutes: int, note: str = "") -> EditorNotice | None:
        claimed = TUESDAY - HOUR
        slot = Slot(
            newsletter_id=1,
            period="2026-W48",
            day=TUESDAY.date(),
            due_at=TUESDAY,
            claimed_at=claimed,
            state=SlotState.AHEAD,
            note=note,
        )
        return due_notice(slot, TIMES, claimed + timedelta(minutes=minutes), may_go=False)

    assert (notice(1), notice(11)) == (None, EditorNotice.NO_DRAFT)
    assert notice(1, "nothing to pick") is EditorNotice.NO_DRAFT


def test_a_letter_that_was_surely_not_sent_is_tried_again(mailbox: EditorMailbox) -> None:
    mailbox.answer = NotSent(detail="no route")
    mailbox.tick(TUESDAY - 48 * HOUR)
    mailbox.answer = Accepted()
    mailbox.tick(TUESDAY - 47 * HOUR)
    mailbox.tick(TUESDAY - 46 * HOUR)
    assert len(mailbox.subjects()) == 1


def test_a_letter_in_doubt_is_left_alone(mailbox: EditorMailbox) -> None:
    mailbox.answer = InDoubt(detail="cut")
    mailbox.tick(TUESDAY - 48 * HOUR)
    mailbox.answer = Accepted()
    mailbox.tick(TUESDAY - 47 * HOUR)
    assert mailbox.subjects() == []


def test_a_service_that_was_down_for_long_sends_no_pile_of_old_letters(
    mailbox: EditorMailbox,
) -> None:
    mailbox.tick(TUESDAY + timedelta(weeks=10, hours=1))
    assert mailbox.subjects() == ["Missed: the issue of 2027-W04", "Held: the issue of 2027-W05"]


def sent_back(world: World, by: str) -> None:
    """Send the issue of the week back."""

    def act(session: Session, newsletter: Newsletter) -> None:
        issue = store.by_period(session, newsletter.id, "2026-W48")
        assert issue is not None
        channel, now = ApprovalChannel.LINK, world.now
        approval.send_back(session, issue, by=by, note="No price.", channel=channel, now=now)

    world.session(act)


def test_each_time_an_issue_is_sent_back_the_other_editors_are_told_once(
    mailbox: EditorMailbox, world: World
) -> None:
    mailbox.tick(TUESDAY - 48 * HOUR)
    for by in ("ann@example.org", "Kim"):
        sent_back(world, by)
        mailbox.transport.accepted.clear()
        for _ in range(2):
            mailbox.tick(TUESDAY - 47 * HOUR)
        (sent,) = mailbox.transport.accepted
        assert sent.content.subject == "Sent back: the issue of 2026-W48"
        assert f"{by} sent issue 1 back:\nNo price." in sent.content.text
        told = {to.address for to in sent.recipients}
        assert told == {"ed@example.org", "ann@example.org"} - {by}


def test_no_two_letters_have_one_id_whatever_week_and_newsletter_they_are_about(
    mailbox: EditorMailbox, world: World
) -> None:
    world.add_newsletter(slug="trade", name="Tools of the Trade")
    mailbox.tick(world.now)
    mailbox.tick(TUESDAY - 48 * HOUR)
    ids = [to.delivery for sent in mailbox.transport.accepted for to in sent.recipients]
    assert len(ids) == len(set(ids)) == 4


def test_a_letter_links_to_the_decision_only_while_there_is_one(mailbox: EditorMailbox) -> None:
    links = {}
    for hours in (-48, -24, 0, 13):
        mailbox.tick(TUESDAY + hours * HOUR)
        (sent,) = mailbox.transport.accepted
        mailbox.transport.accepted.clear()
        links[sent.content.subject.partition(" ")[0]] = {
            to.parts.get(REVIEW_TAG) for to in sent.recipients
        }
        assert (REVIEW_TAG in sent.content.text) is (hours < 13)
    assert {subject: len(tokens) for subject, tokens in links.items()} == {
        "[Draft": 2,
        "[Not": 2,
        "Held:": 2,
        "Missed:": 1,
    }
    assert links["Missed:"] == {None}


def test_where_two_have_to_approve_the_draft_says_so(mailbox: EditorMailbox) -> None:
    mailbox.world.change(approvals_needed=2)
    mailbox.tick(TUESDAY - 48 * HOUR)
    (sent,) = mailbox.transport.accepted
    assert "once 2 of you have approved it." in sent.content.text
