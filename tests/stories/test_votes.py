"""A thousand readers get an issue: hundreds vote, and programs follow the links of hundreds.

What is counted is what people voted, to the vote. Every moment is the site's own clock, which the
story moves, so that nothing waits for time to pass.
"""

from __future__ import annotations

import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
import orjson
import pytest
from playwright.sync_api import Browser, Page
from sqlmodel import col, func, select
from typer.testing import CliRunner

from digest import samples
from digest.app.installation import App
from digest.cli import app as digest_app
from digest.cli.installation.init import WEEKLY
from digest.comparisons.loader import read_file
from digest.comparisons.models import Call, Comparison, Tool
from digest.comparisons.store import store_draft
from digest.delivery.models import Delivery, DeliveryStatus
from digest.delivery.sending.dispatcher import dispatch
from digest.fake_sendgrid import running_fake
from digest.fake_sendgrid.events.event_json import make
from digest.fake_sendgrid.events.signing import Signer, new_key
from digest.fake_sendgrid.message_store import content, messages
from digest.fake_sendgrid.substitution import substitute_mail
from digest.issues import store as issues
from digest.issues.models import Newsletter
from digest.migrations.all_tables import METADATA
from digest.votes import HeldReason, read_vote_token
from digest.votes.models import ScannedCopy, Vote
from subscribers.models import Standing, Subscriber, Subscription
from tests.conftest import NOW
from tests.stories.scanners import HOUR, KNOWN_NETWORK, PATTERNS, SOON, Fetch, MailCopy, Pattern
from tests.web.browser import visitor
from tests.web.conftest import Clock, Running, app_of, build, running

pytestmark = pytest.mark.browser

READERS = 1_000
SCANNED = range(300)  #: whose copies a program follows
VOTERS = range(200, 600)  #: who vote, the first hundred after a program
THRICE, TAKEN_BACK, EAGER = range(300, 320), range(320, 330), range(330, 360)
IN_BROWSER = range(360, 364)
COMPARED = ("tidepool-notes-vs-marginalia-loop", "lintwick-vs-ravelin-coder-2")
ARRIVED = 3  #: seconds from the hand-over of the mails to their delivery
NEWS = 300  #: seconds after delivery at which the site hears of it
NEWS_WAIT = 600  #: seconds after which a look is judged by what is known of its copy
THINKING = 9  #: seconds from a link to the button
BUSY = 8  #: requests at once
PATIENCE = 400  #: looks, 50 ms apart
SETTINGS = {
    "transport": "sendgrid",
    "sendgrid_api_key": "any key",
    "base_url": "{url}",
    "trusted_proxies": "127.0.0.1/32",
}
ACTION = re.compile(r'<form method="post" action="([^"]+)"')
CHECKED = re.compile(r'name="(tool-[^"]+)" value="(ship|skip)" checked')
FIELD = re.compile(r'name="(tool-[^"]+)" value="ship"')
HREF = re.compile(r'href="(http://127\.0\.0\.1:\d+/[^"]*)"')

Voted = tuple[int, str, str]  #: reader, token and tool


class Ballot(NamedTuple):
    """A button of a page, ready to be pressed."""

    copy: MailCopy
    path: str
    fields: dict[str, str]


@dataclass
class Story:
    """The site, the copies of its issue, and what people and programs did with them."""

    site: Running
    signer: Signer
    ledger: Path
    copies: Sequence[MailCopy]
    pool: ThreadPoolExecutor
    meant: dict[Voted, str] = field(default_factory=dict)  #: the calls of people
    pressed: set[Voted] = field(default_factory=set)  #: by programs

    def at(self, seconds: int) -> None:
        """Move the site's clock to a moment after delivery."""
        self.site.clock.now = NOW + timedelta(seconds=ARRIVED + seconds)

    def fetch(self, copy: MailCopy, fetch: Fetch) -> httpx2.Response:
        headers = {"user-agent": fetch.agent, "x-forwarded-for": fetch.address or copy.network}
        headers |= dict([fetch.header] if fetch.header else [])
        return self.site.http.request(
            fetch.method, fetch.path, headers=headers, data=dict(fetch.form or {})
        )

    def run(self, fetches: Iterable[tuple[MailCopy, Fetch]]) -> list[httpx2.Response]:
        """Send requests in the order of their moments, those of one moment together."""
        moments: dict[int, list[tuple[MailCopy, Fetch]]] = defaultdict(list)
        for copy, fetch in fetches:
            moments[fetch.at].append((copy, fetch))
        answers: list[httpx2.Response] = []
        for moment in sorted(moments):
            self.at(moment)
            answers += self.pool.map(lambda pair: self.fetch(*pair), moments[moment])
        return answers

    # What programs do

    def scan(self, first: int, last: int) -> None:
        """Let programs follow links as their patterns say, from one moment to another."""
        fetches = [
            (copy, fetch)
            for copy, pattern in self.scanned()
            if not pattern.browser
            for fetch in pattern.fetches(copy)
            if first <= fetch.at < last
        ]
        self.run(fetches)
        for copy, fetch in fetches:
            if fetch.method == "POST":
                self.pressed |= {
                    (copy.reader, fetch.path.split("/")[2], name.removeprefix("tool-"))
                    for name in fetch.form or ()
                }

    def scan_by_browser(self, browser: Browser) -> None:
        """Let browsers run the scripts of the first page, and press its first button."""
        self.at(SOON)
        for copy, pattern in self.scanned():
            if pattern.browser:
                _, _, token, tool, _ = copy.votes[0].split("/")
                self.pressed.add((copy.reader, token, tool))
                with visitor(browser) as window:
                    page = window.new_page()
                    page.goto(self.site.url + copy.votes[0])
                    with page.expect_navigation():
                        page.locator("main button").first.click()

    def scanned(self) -> Iterator[tuple[MailCopy, Pattern]]:
        for n in SCANNED:
            yield self.copies[n], PATTERNS[n % len(PATTERNS)]

    # What people do

    def open(self, readers: Iterable[int], at: int, turn: int = 0) -> list[Ballot]:
        """Let readers follow a link each, with nothing but HTTP; return what they may press."""
        copies = [self.copies[n] for n in readers]
        links = [self.link(copy, turn) for copy in copies]
        pages = self.run((copy, Fetch(at, link)) for copy, link in zip(copies, links, strict=True))
        return [self.ballot(*pair) for pair in zip(copies, pages, strict=True)]

    def link(self, copy: MailCopy, turn: int = 0) -> str:
        """Return the link that a reader follows: of either tool, and of the other call in turn."""
        links = copy.votes
        return links[(copy.reader % len(links)) ^ (turn % 2)]

    def ballot(self, copy: MailCopy, page: httpx2.Response) -> Ballot:
        """Return the form of a page as its reader sends it; one in three chooses for both."""
        [action], fields = ACTION.findall(page.text), dict(CHECKED.findall(page.text))
        if copy.reader % 3 == 0:
            for name in FIELD.findall(page.text):
                fields.setdefault(name, "skip")
        return Ballot(copy, urlsplit(action).path, fields)

    def press(self, ballots: Sequence[Ballot], at: int) -> list[str]:
        """Press the buttons; return what the pages say."""
        for copy, path, fields in ballots:
            for name, call in fields.items():
                self.meant[self.key(copy, path, name)] = call
        answers = self.run((b.copy, Fetch(at, b.path, "POST", form=b.fields)) for b in ballots)
        return [answer.text for answer in answers]

    def vote(self, readers: Iterable[int], at: int, turn: int = 0) -> list[str]:
        return self.press(self.open(readers, at, turn), at + THINKING)

    def take_back(self, readers: Iterable[int], at: int) -> list[str]:
        """Take back every vote of some readers, each by a press of its own."""
        mine = [key for key in self.meant if key[0] - 1 in readers]
        fetches = []
        for key in mine:
            reader, token, tool = key
            path = f"/v/{token}/take-back"
            fetches.append((self.copies[reader - 1], Fetch(at, path, "POST", form={"tool": tool})))
            del self.meant[key]
        return [answer.text for answer in self.run(fetches)]

    def vote_in_browser(self, window_page: Page, reader: int, *, by_keyboard: bool) -> str:
        """Follow a link and press the button in a browser; return what the page says."""
        copy = self.copies[reader]
        link = self.link(copy)
        _, _, token, tool, call = link.split("/")
        self.meant[copy.reader, token, tool] = call
        window_page.goto(self.site.url + link)
        self.site.clock.advance(seconds=THINKING)
        button = window_page.get_by_role("button", name="Vote", exact=True)
        with window_page.expect_navigation():
            if by_keyboard:
                _tab_to(window_page, "Vote")
                window_page.keyboard.press("Enter")
            else:
                button.click()
        return window_page.get_by_role("heading", level=1).inner_text()

    @staticmethod
    def key(copy: MailCopy, path: str, name: str) -> Voted:
        return copy.reader, path.split("/")[2], name.removeprefix("tool-")

    # What the provider and the service do

    def judge(self, at: int) -> None:
        """Judge what waits for news, as `digest run` does each minute."""
        self.at(at)
        self.site.app.votes.judge()

    def report_delivery(self) -> None:
        """Post the provider's signed events, and wait until the site has applied them."""
        mails = messages(self.ledger, {}, READERS, newest=False)
        shared, moment = content(self.ledger, mails[0].content), int(NOW.timestamp()) + ARRIVED
        body = orjson.dumps([{**make("delivered", m, shared), "timestamp": moment} for m in mails])
        headers = self.signer.headers(body, self.site.clock.now.timestamp())
        assert self.site.http.post("/webhooks/sendgrid", content=body, headers=headers).is_success
        pause = threading.Event()
        arrived = select(func.count()).where(col(Delivery.news) == DeliveryStatus.DELIVERED)
        for _ in range(PATIENCE):
            with self.site.app.database.read() as session:
                if session.exec(arrived).one() == READERS:
                    return
            pause.wait(0.05)
        raise AssertionError("the events have not been applied")


def _tab_to(page: Page, button: str) -> None:
    """Press Tab until a button has the focus."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == button:
            return
    raise AssertionError(f"Tab does not lead to {button}")


@contextmanager
def telling(folder: Path) -> Iterator[Story]:
    """Send an issue to a thousand readers, and begin the story with their copies."""
    path, networks, signer = folder / "digest.db", folder / "networks.txt", Signer(new_key())
    networks.write_text(f"{KNOWN_NETWORK}  # a scanner\n", "utf-8")
    stock(path)
    with ExitStack() as stack:
        fake = stack.enter_context(running_fake(folder))
        site = stack.enter_context(
            running(
                path,
                **SETTINGS,
                sendgrid_url=fake.url,
                webhook_keys=signer.public_key,
                scanner_networks=networks,
            )
        )
        send(site)
        ledger = folder / "fake-sendgrid.db"
        pool = stack.enter_context(ThreadPoolExecutor(BUSY))
        yield Story(site, signer, ledger, copies_of(site, ledger), pool)


def stock(path: Path) -> None:
    """Write a database with two comparisons and a thousand readers of long ago."""
    app = app_of(path, Clock())
    METADATA.create_all(app.database.engine)
    long_ago = NOW - timedelta(days=400)
    with app.database.write() as session:
        session.add(Newsletter(**WEEKLY.model_dump(exclude={"id"})))
        for each in samples.comparisons():
            if each.stem in COMPARED:
                store_draft(session, read_file(each), now=NOW)
        session.add_all(
            Subscriber(
                id=n + 1, address=f"reader.{n}@example.org", address_key=f"reader.{n}@example.org",
                created_at=long_ago,
            )
            for n in range(READERS)
        )  # fmt: skip
        session.flush()
        session.add_all(
            Subscription(
                subscriber_id=n + 1, newsletter="weekly", standing=Standing.CONFIRMED,
                since=long_ago,
            )
            for n in range(READERS)
        )  # fmt: skip
    app.database.close()


def send(site: Running) -> None:
    build(site.app, "2026-W48", send=True)
    with site.app.database.read() as session:
        newsletter = issues.newsletter(session, "weekly")
        issue = issues.by_number(session, newsletter.id, 1)
        sending = site.app.sending.edition_send(session, issue)
    dispatch(sending)


def copies_of(site: Running, ledger: Path) -> list[MailCopy]:
    """Return each reader's copy with the links that stand in it, as the provider mailed it."""
    mails = messages(ledger, {}, READERS, newest=False)
    assert len(mails) == READERS
    shared = content(ledger, mails[0].content)
    copies = []
    for mail in mails:
        number = int(mail.address.split("@")[0].split(".")[1])
        found = HREF.findall(substitute_mail(mail, shared).html)
        paths = list(dict.fromkeys(urlsplit(url).path for url in found))
        copies.append(
            MailCopy(
                reader=number + 1,
                address=mail.address,
                votes=[path for path in paths if path.startswith("/v/")],
                others=[path for path in paths if path.startswith(("/comparisons/", "/issues/"))],
                network=f"198.51.{number // 250}.{number % 250 + 1}",
            )
        )
    return sorted(copies, key=lambda copy: copy.reader)


def tell(story: Story, browser: Browser) -> None:
    """Let programs and people do what they do in the two days after delivery."""
    story.scan(-60, SOON)
    story.scan_by_browser(browser)
    story.scan(SOON, 60)
    eager = story.vote(EAGER, 60)
    assert all("as soon as we know that the email reached you" in page for page in eager)

    story.at(NEWS)
    story.report_delivery()
    apart = {*EAGER, *IN_BROWSER, *SCANNED}
    story.judge(NEWS_WAIT + 60)
    told = story.vote([n for n in VOTERS if n not in apart], 1_200)
    told += story.vote(THRICE, 1_400, turn=1) + story.vote(THRICE, 1_600)
    told += story.take_back(TAKEN_BACK, 1_800)
    story.scan(60, 2 * HOUR)
    told += story.vote([n for n in VOTERS if n in SCANNED], 2 * HOUR)
    assert [page for page in told if "Thank you" not in page and "taken back" not in page] == []

    for n, reader in enumerate(IN_BROWSER):
        story.at(3 * HOUR)
        with visitor(browser, scripts=n < 2, width=320) as window:
            page = window.new_page()
            said = story.vote_in_browser(page, reader, by_keyboard=n % 2 == 1)
        assert said == "Thank you for your vote"
    story.scan(2 * HOUR, 100 * HOUR)


def test_what_people_vote_is_counted_and_nothing_that_programs_do(
    tmp_path: Path, browser: Browser
) -> None:
    with telling(tmp_path) as story:
        tell(story, browser)
    # The site is closed now, and has written all that it had been asked to.
    app = app_of(tmp_path / "digest.db", story.site.clock)
    app.votes.judge()
    end = End.of(app, story)
    app.database.close()

    assert end.counted == end.meant
    assert len({reader for reader, _, _ in end.meant}) == len(VOTERS) - len(TAKEN_BACK)
    assert end.held == dict.fromkeys(end.pressed - end.meant.keys(), HeldReason.SCANNER)
    assert [p.name for p in PATTERNS if not end.signs[p.name] <= {*(p.signs or [""])}] == []
    told = {slug: votes(tmp_path, slug) for slug in COMPARED}
    assert {slug: facts["turnout"] for slug, facts in told.items()} == end.turnout
    assert {slug: facts["held"] for slug, facts in told.items()} == end.held_by_comparison
    assert {slug: shown(facts) for slug, facts in told.items()} == end.counts
    pressing = {reader for reader, _, _ in end.pressed}
    assert {facts["scans"]["pressed"] for facts in told.values()} == {len(pressing)}
    said = digest(tmp_path, "votes", COMPARED[0])
    assert f"{end.held_by_comparison[COMPARED[0]]['scanner']} pressed by scanners." in said
    report = orjson.loads(digest(tmp_path, "report", "1", "--json"))
    assert report["votes"]["turnout"] == len(VOTERS) - len(TAKEN_BACK)


def test_there_are_46_ways_to_follow_links() -> None:
    assert len(PATTERNS) == len({pattern.name for pattern in PATTERNS}) == 46


@dataclass(frozen=True, kw_only=True)
class End:
    """What is in the database at the end, and what should be."""

    meant: dict[tuple[int, str, str], str]  #: reader, comparison and tool: the call of a person
    pressed: set[tuple[int, str, str]]  #: by programs
    counted: dict[tuple[int, str, str], str]
    held: dict[tuple[int, str, str], HeldReason]
    signs: dict[str, set[str]]  #: by pattern

    @classmethod
    def of(cls, app: App, story: Story) -> End:
        statement = (
            select(Vote, Comparison.slug, Tool.slug)
            .join(Comparison, col(Comparison.id) == col(Vote.comparison_id))
            .join(Tool, col(Tool.id) == col(Vote.tool_id))
            .where(col(Vote.call).is_not(None))
        )
        with app.database.read() as session:
            votes = {
                (vote.subscriber_id or 0, comparison, tool): vote
                for vote, comparison, tool in session.exec(statement)
            }
            scans = {row.subscriber_id: row for row in session.exec(select(ScannedCopy))}
            slugs = dict(session.exec(select(Comparison.id, Comparison.slug)).all())

        def named(key: Voted) -> tuple[int, str, str]:
            reader, token, tool = key
            target = read_vote_token(app.tokens, token, NOW, days=60)
            assert target.subscriber_id == reader
            return reader, slugs[target.comparison_id], tool

        signs: dict[str, set[str]] = defaultdict(set)
        for copy, pattern in story.scanned():
            scan = scans.get(copy.reader)
            signs[pattern.name].add(scan.sign.value if scan else "")
        return cls(
            meant={named(key): call for key, call in story.meant.items()},
            pressed={named(key) for key in story.pressed},
            counted={k: v.call.value for k, v in votes.items() if v.call and not v.held},
            held={key: vote.held for key, vote in votes.items() if vote.held},
            signs=dict(signs),
        )

    @property
    def turnout(self) -> dict[str, int]:
        voters = {(reader, comparison) for reader, comparison, _ in self.meant}
        return dict(Counter(comparison for _, comparison in voters))

    @property
    def counts(self) -> dict[str, Counter[tuple[str, str]]]:
        return {
            slug: Counter(
                (tool, call) for (_, one, tool), call in self.meant.items() if one == slug
            )
            for slug in COMPARED
        }

    @property
    def held_by_comparison(self) -> dict[str, dict[str, int]]:
        numbers = Counter(comparison for _, comparison, _ in self.held)
        return {slug: {"scanner": numbers[slug]} for slug in COMPARED}


def votes(folder: Path, slug: str) -> dict[str, Any]:
    facts: dict[str, Any] = orjson.loads(digest(folder, "votes", slug, "--json"))
    return facts


def shown(facts: dict[str, Any]) -> Counter[tuple[str, str]]:
    return Counter(
        {(tool["tool"], call): tool[f"{call}s"] for tool in facts["tools"] for call in Call}
    )


def digest(folder: Path, *arguments: str) -> str:
    """Return what a command prints."""
    url = f"sqlite:///{folder / 'digest.db'}"
    result = CliRunner().invoke(digest_app, ["--database", url, *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout
