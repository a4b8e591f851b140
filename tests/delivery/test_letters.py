"""Letters: one transactional mail to one reader, its outcomes, and its retries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from sqlmodel import select

from digest import images
from digest.db import Database
from digest.fake_sendgrid.mail_send_rules.mail_settings import check_settings
from digest.issues import newsletters
from digest.issues.identity import MailIdentity
from digest.issues.models import Issue, IssueState, Newsletter
from digest.letters.letter_view import LetterView
from digest.letters.sender import LatestIssue, LetterContext, LetterTransport, write_letter
from digest.mail.mailing import Mailbox, Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.outbox import Outbox
from digest.mail.sendgrid.payload import body
from digest.mail.transport import Accepted, Answer, Halted, InDoubt, NotSent, Refused, Transport
from subscribers import letter_queue
from subscribers.locale import LANGUAGES, translations
from subscribers.models import (
    READERS_LETTERS,
    LetterKind,
    LetterState,
    LetterToSend,
    SendOutcome,
    Standing,
    Subscriber,
    Subscription,
)
from subscribers.reader_letter import Letter
from subscribers.tokens import Hashes, Links, Tokens
from tests.images.pictures import drawn

SECRET = "a secret for tests only, long enough"
BASE = "https://news.example.com"
WELCOME = Letter(
    kind=LetterKind.WELCOME,
    address="ada@example.org",
    newsletter="weekly",
    language="en",
    action_url="",
    unsubscribe_url=f"{BASE}/u/bGVhdmU",
    preferences_url=f"{BASE}/p/cHJlZmVy",
)
CONFIRM = replace(
    WELCOME,
    kind=LetterKind.CONFIRM,
    action_url=f"{BASE}/c/Y29uZmlybQ",
    unsubscribe_url="",
    preferences_url="",
)
LATEST = LatestIssue(
    number=12, day=date(2026, 11, 24), subject="Marlow or Brook?", url=f"{BASE}/issues/weekly/12"
)
IDENTITY = MailIdentity(
    sender="Weekly AI Tool Verdicts <verdicts@example.com>", postal_address="12 Example Street"
)
ABOUT = "Lintwick vs Ravelin Coder 2"
VOTE = replace(
    CONFIRM,
    kind=LetterKind.VOTE,
    action_url=f"{BASE}/v/dm90ZQ?tool-lintwick=ship",
    about=ABOUT,
    decline_url=f"{BASE}/n/ZGVjbGluZQ",
)
TOLD = LetterContext(
    name="Weekly AI Tool Verdicts", identity=IDENTITY, comes="every Tuesday", latest=LATEST
)

MakePost = Callable[..., LetterTransport]


@pytest.fixture
def make_carrier(database: Database) -> MakePost:
    """Return a function that makes a transport for letters; the newsletter exists."""
    with database.write() as session:
        session.add(Newsletter(slug="weekly", name="Weekly AI Tool Verdicts"))

    def make(transport: Transport, **choices: object) -> LetterTransport:
        usual: dict[str, object] = {
            "store": database,
            "transport": transport,
            "identity": IDENTITY,
            "base_url": BASE,
            "hours": 48,
        }
        return LetterTransport(**(usual | choices))  # type: ignore[arg-type]  # by name

    return make


@pytest.fixture
def waiting(database: Database, now: datetime) -> int:
    """A reader whose confirmation letter waits."""
    with database.write() as session:
        reader = Subscriber(
            address="ada@example.org", address_key="ada@example.org", created_at=now
        )
        session.add(reader)
        session.flush()
        number = reader.id or 0
        session.add(
            Subscription(
                subscriber_id=number, newsletter="weekly", standing=Standing.PENDING, since=now
            )
        )
        letter_queue.enqueue(session, number, "weekly", LetterKind.CONFIRM, now)
    return number


def send_all(database: Database, post: LetterTransport, now: datetime) -> Counter[LetterState]:
    links = Links(BASE, Tokens([SECRET]))
    return letter_queue.send_waiting(database, post, links, Hashes([SECRET]), lambda: now)


@pytest.mark.parametrize(
    ("answer", "handed"),
    [
        (Accepted(), SendOutcome.ACCEPTED),
        (NotSent(detail="the network is down"), SendOutcome.NOT_SENT),
        (Halted(detail="the key is wrong", status=401), SendOutcome.HALTED),
        (Refused(status=400, detail="no"), SendOutcome.REFUSED),
        (InDoubt(detail="no answer came"), SendOutcome.IN_DOUBT),
    ],
)
def test_what_the_transport_answers_is_what_becomes_of_the_letter(
    make_carrier: MakePost, answer: Answer, handed: SendOutcome
) -> None:
    post = make_carrier(MemoryTransport(answer=lambda _: answer))

    assert post.send(CONFIRM) is handed


def test_a_letter_goes_to_one_reader_and_is_tracked_by_nobody(make_carrier: MakePost) -> None:
    transport = MemoryTransport()

    make_carrier(transport).send(CONFIRM)

    mailing = transport.accepted[0]
    assert transport.addresses() == ["ada@example.org"]
    assert (mailing.content.track_clicks, mailing.content.track_opens) == (False, False)
    assert CONFIRM.action_url in mailing.content.text


def test_two_letters_of_a_kind_differ_in_their_links_alone(make_carrier: MakePost) -> None:
    transport = MemoryTransport()
    post = make_carrier(transport)
    other = replace(
        WELCOME,
        address="grace@example.org",
        unsubscribe_url=f"{BASE}/u/b3RoZXI",
        preferences_url=f"{BASE}/p/b3RoZXI",
    )

    post.send(WELCOME)
    post.send(other)

    first, second = (mailing.content for mailing in transport.accepted)
    for one, letter in ((first, WELCOME), (second, other)):
        for part in (one.html, one.text):
            assert letter.unsubscribe_url in part
            assert letter.preferences_url in part
            assert "letter.invalid" not in part
    assert first.text.replace("bGVhdmU", "").replace("cHJlZmVy", "") == second.text.replace(
        "b3RoZXI", ""
    )


def test_a_letter_in_doubt_is_not_sent_again(
    database: Database, make_carrier: MakePost, waiting: int, now: datetime
) -> None:
    handed: list[Mailing] = []

    def doubt(mailing: Mailing) -> Answer:
        handed.append(mailing)
        return InDoubt(detail="the connection broke after the request was out")

    post = make_carrier(MemoryTransport(answer=doubt))

    assert send_all(database, post, now) == {LetterState.IN_DOUBT: 1}
    assert send_all(database, post, now) == {}
    assert len(handed) == 1


def test_a_letter_that_surely_was_not_sent_waits_for_the_next_time(
    database: Database, make_carrier: MakePost, waiting: int, now: datetime
) -> None:
    down = make_carrier(MemoryTransport(answer=lambda _: NotSent(detail="down")))
    up = MemoryTransport()

    assert send_all(database, down, now) == {LetterState.WAITING: 1}
    assert send_all(database, replace(down, transport=up), now) == {LetterState.SENT: 1}
    assert up.addresses() == ["ada@example.org"]


def test_a_broken_template_keeps_the_letter_for_later(
    database: Database, make_carrier: MakePost, waiting: int, now: datetime, tmp_path: Path
) -> None:
    (tmp_path / "letter.mjml").write_text("{{ letter.nonsense }}")
    post = make_carrier(MemoryTransport(), templates=tmp_path)

    assert send_all(database, post, now) == {LetterState.WAITING: 1}
    with database.read() as session:
        assert session.exec(select(LetterToSend.state)).one() is LetterState.WAITING


def test_a_template_that_breaks_in_one_language_holds_back_no_other(
    database: Database, make_carrier: MakePost, waiting: int, now: datetime, tmp_path: Path
) -> None:
    (tmp_path / "letter.txt").write_text(
        "{{ letter.action_url | personal }} {{ letter.postal_address }}"
        "{% if letter.language == 'de' %}{{ letter.grusswort }}{% endif %}"
    )
    with database.write() as session:
        letter_queue.enqueue(session, waiting, "weekly", LetterKind.CONFIRM, now, language="de")
        letter_queue.enqueue(session, waiting, "weekly", LetterKind.CONFIRM, now, language="en")
    post = make_carrier(MemoryTransport(), templates=tmp_path)

    assert send_all(database, post, now) == {LetterState.SENT: 2, LetterState.WAITING: 1}


def test_a_letter_in_the_outbox_is_a_mail_with_the_reader_s_links(
    make_carrier: MakePost, tmp_path: Path
) -> None:
    make_carrier(Outbox(tmp_path), key=lambda: "k").send(WELCOME)

    mail = message_from_bytes((tmp_path / "letters/welcome-k.eml").read_bytes(), policy=default)
    assert mail["To"] == "ada@example.org"
    assert mail["List-Unsubscribe"] == f"<{WELCOME.unsubscribe_url}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text = mail.get_body(("plain",))
    assert text
    assert "The first issue isn’t out yet." in text.get_content()


def test_a_welcome_shows_the_latest_issue_that_went_out(
    database: Database,
    make_issue: Callable[[], tuple[int, int]],
    now: datetime,
) -> None:
    issue_id, _ = make_issue()
    transport = MemoryTransport()
    post = LetterTransport(
        store=database,
        transport=transport,
        identity=IDENTITY,
        base_url=BASE,
        hours=48,
    )

    post.send(WELCOME)
    with database.write() as session:
        issue = session.get_one(Issue, issue_id)
        issue.state, issue.prepared_at = IssueState.SENT, now
        session.add(issue)
    replace(post).send(WELCOME)

    before, after = (mailing.content.text for mailing in transport.accepted)
    assert f"{BASE}/issues/weekly/1" not in before
    assert f"{BASE}/issues/weekly/1" in after
    assert "24 November 2026" in after


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", READERS_LETTERS)
@pytest.mark.parametrize("context", [TOLD, LetterContext(name="Weekly 100%(s) {braces}")])
def test_every_letter_is_complete_in_every_language(
    kind: LetterKind, language: str, context: LetterContext
) -> None:
    about = ABOUT if kind in (LetterKind.VOTE, LetterKind.VERDICT_CHANGED) else ""
    letter = replace(WELCOME, kind=kind, language=language, action_url=f"{BASE}/c/abc", about=about)

    view = write_letter(letter, context, hours=48)

    texts = [view.subject, view.preview, view.title, *view.paragraphs, *view.after, view.why]
    assert all(text.strip() for text in texts)
    assert (about or context.name) in view.subject
    assert not any("%(" in text.replace(context.name, "") or "  " in text for text in texts)


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
@pytest.mark.parametrize("kind", READERS_LETTERS)
def test_no_text_of_a_letter_stays_english_in_another_language(
    kind: LetterKind, language: str
) -> None:
    english, other = (
        write_letter(replace(WELCOME, kind=kind, language=code, decline_url=BASE), TOLD, hours=48)
        for code in ("en", language)
    )

    assert not told(english) & told(other)


def told(view: LetterView) -> set[str]:
    """Every text of a letter that is ours."""
    labels = [label for label, _ in view.links]
    texts = [view.subject, view.preview, view.title, view.button, view.spelled, view.why, *labels]
    return {text for text in (*texts, *view.paragraphs, *view.after) if text}


def test_a_language_we_do_not_speak_is_answered_in_english() -> None:
    letter = replace(CONFIRM, language="xx")

    assert write_letter(letter, TOLD, hours=48).title == "Please confirm your subscription"


def test_a_confirmation_names_how_long_its_link_lasts_and_has_no_other_link() -> None:
    view = write_letter(CONFIRM, TOLD, hours=48)

    assert "48 hours" in view.after[0]
    assert view.links == []


def test_a_link_to_vote_says_what_is_voted_on_and_until_when() -> None:
    view = write_letter(VOTE, TOLD, hours=48, days=60)

    assert view.subject == f"Your vote on {ABOUT}"
    assert (view.button, view.action_url) == ("Cast your vote", VOTE.action_url)
    assert "60 days" in view.after[0]
    assert not any("ubscri" in text for text in told(view))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_link_that_subscribes_as_well_says_so_and_for_how_long(language: str) -> None:
    letter = replace(VOTE, joins=True, language=language)

    view = write_letter(letter, TOLD, hours=48, days=60)

    words = translations(language)
    assert view.button == words.gettext("Vote and subscribe")
    assert TOLD.name in view.paragraphs[0]
    assert words.ngettext("%(num)s hour", "%(num)s hours", 48) % {"num": 48} in view.after[0]
    assert words.ngettext("%(num)s day", "%(num)s days", 60) % {"num": 60} in view.after[0]


def test_links_to_vote_on_two_comparisons_are_two_letters(make_carrier: MakePost) -> None:
    transport = MemoryTransport()
    carrier = make_carrier(transport)

    for letter in (VOTE, replace(VOTE, about="Marlow vs Brook"), replace(VOTE, joins=True)):
        carrier.send(letter)

    subjects = [mailing.content.subject for mailing in transport.accepted]
    assert subjects == [f"Your vote on {ABOUT}", "Your vote on Marlow vs Brook", subjects[0]]
    texts = [mailing.content.text for mailing in transport.accepted]
    assert ["subscribe" in text for text in texts] == [False, False, True]
    assert all(VOTE.action_url in text for text in texts)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [LetterKind.CONFIRM, LetterKind.CHANGE, LetterKind.VOTE])
def test_a_letter_to_a_stranger_has_a_link_to_say_that_it_was_not_them(
    make_carrier: MakePost, kind: LetterKind, language: str
) -> None:
    transport = MemoryTransport()
    link = f"{BASE}/n/ZGVjbGluZQ"
    post = make_carrier(transport, mailto="leave@example.com")

    post.send(replace(CONFIRM, kind=kind, language=language, decline_url=link))

    mailing = transport.accepted[0]
    named = translations(language).gettext("This wasn’t me")
    view = write_letter(replace(CONFIRM, kind=kind, language=language), TOLD, hours=48)
    assert link in mailing.content.text
    assert f'href="{link}"' in mailing.content.html
    assert all(named in part for part in (mailing.content.text, mailing.content.html))
    assert any(named in text for text in view.after)
    assert mailing.recipients[0].headers == {
        "List-Unsubscribe": f"<{link}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


@pytest.mark.parametrize(("letter", "passes"), [(CONFIRM, True), (WELCOME, False)])
def test_only_a_letter_just_asked_for_passes_the_provider_s_old_bounces(
    make_carrier: MakePost, letter: Letter, passes: bool
) -> None:
    transport = MemoryTransport()
    make_carrier(transport).send(letter)

    made = body(transport.accepted[0])

    assert (made.get("mail_settings") is not None) is passes
    if passes:
        assert "bypass_spam_management" not in made["mail_settings"]
    assert [f.message for f in check_settings(made)] == []


def test_every_letter_says_that_a_machine_wrote_it(make_carrier: MakePost) -> None:
    transport = MemoryTransport()
    make_carrier(transport).send(CONFIRM)

    assert transport.accepted[0].content.headers == {"Auto-Submitted": "auto-generated"}


def test_a_welcome_names_where_to_write_to_in_order_to_leave(make_carrier: MakePost) -> None:
    transport = MemoryTransport()
    make_carrier(transport, mailto="leave@example.com").send(WELCOME)

    assert transport.accepted[0].recipients[0].headers["List-Unsubscribe"] == (
        f"<{BASE}/u/bGVhdmU>, <mailto:leave@example.com?subject=unsubscribe%20bGVhdmU>"
    )


def test_the_header_s_link_is_bare_where_the_mail_s_names_its_language(
    make_carrier: MakePost,
) -> None:
    transport = MemoryTransport()
    in_german = replace(WELCOME, unsubscribe_url=f"{BASE}/u/bGVhdmU?lang=de")

    make_carrier(transport, mailto="leave@example.com").send(in_german)

    assert f"{BASE}/u/bGVhdmU?lang=de" in transport.accepted[0].content.text
    assert transport.accepted[0].recipients[0].headers["List-Unsubscribe"] == (
        f"<{BASE}/u/bGVhdmU>, <mailto:leave@example.com?subject=unsubscribe%20bGVhdmU>"
    )


def test_a_letter_comes_from_its_newsletters_own_sender(
    database: Database, make_carrier: MakePost
) -> None:
    transport = MemoryTransport()
    carrier = make_carrier(transport)
    with database.write() as session:
        newsletters.create(
            session,
            "tools",
            {
                "name": "Tools of the Trade",
                "sender": "Tools <tools@example.com>",
                "reply_to": "desk@example.com",
                "postal_address": "9 Own Street",
            },
        )
    carrier.send(replace(CONFIRM, newsletter="tools"))
    carrier.send(CONFIRM)
    own, usual = (mailing.content for mailing in transport.accepted)
    assert (own.sender, own.reply_to) == (
        Mailbox("tools@example.com", "Tools"),
        Mailbox("desk@example.com"),
    )
    assert "9 Own Street" in own.text
    assert (usual.sender.address, usual.reply_to) == ("verdicts@example.com", None)
    assert "12 Example Street" in usual.text


def test_a_letter_shows_its_newsletters_logo_and_fonts(
    database: Database, make_carrier: MakePost, now: datetime
) -> None:
    transport = MemoryTransport()
    carrier = make_carrier(transport)
    with database.write() as session:
        logo = images.add(session, drawn("PNG", (300, 88)), now=now)
        brand = {"name": "Tools of the Trade", "logo": logo.key, "font": "slab"}
        newsletters.create(session, "tools", brand)
    carrier.send(replace(CONFIRM, newsletter="tools"))
    html = transport.accepted[0].content.html
    shown = f'src="{BASE}/images/{logo.name}" width="150" height="44" alt="Tools of the Trade"'
    assert shown in html
    assert "Rockwell" in html
