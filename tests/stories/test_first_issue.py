"""From an empty folder to the first issue, by the commands of the guide."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from html.parser import HTMLParser
from pathlib import Path

import pytest

from digest.samples import comparisons as samples
from tests.stories.conftest import PAGE, READERS, Installation
from tests.stories.warm_start import Said, Warm


@dataclass
class Text(HTMLParser):
    """The words of a page, without its styles."""

    words: list[str] = field(default_factory=list)
    hidden: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden = tag in {"style", "title", "head"}

    def handle_endtag(self, tag: str) -> None:
        self.hidden = False

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.words.append(data)


def words(html: str) -> str:
    """What a reader sees, with single spaces."""
    text = Text()
    text.feed(html)
    return spaced(" ".join(text.words))


def spaced(text: str) -> str:
    """Make every run of spaces and line ends, and every no-break space, one plain space."""
    return re.sub(r"\s+", " ", text)


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


@dataclass(frozen=True)
class Journey:
    site: Installation
    said: dict[str, Said]


@pytest.fixture(scope="module")
def journey(warmed: Warm, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    """init, import, pick, build, show: one after the other in one folder."""
    site = Installation(warmed, tmp_path_factory.mktemp("first"))
    (site.folder / "page.txt").write_text(PAGE, "utf-8")
    said = {"init": site.done("init"), "import": site.done("import", "page.txt")}
    before = content(site.folder / "digest.db")
    said["pick"] = site.done("pick")
    assert content(site.folder / "digest.db") == before, "to pick must change nothing"
    said["build"] = site.done("build")
    said["html"] = site.done("show", "1", "--html")
    said["text"] = site.done("show", "1", "--text")
    return Journey(site, said)


def test_init_makes_the_store_and_a_secret_only_its_owner_reads(journey: Journey) -> None:
    secret = journey.site.folder / ".env"
    assert re.fullmatch(r"DIGEST_SECRET=[0-9a-f]{64}\n", secret.read_text())
    assert secret.stat().st_mode & 0o077 == 0
    assert (journey.site.folder / "digest.db").exists()


def test_init_adds_a_secret_to_settings_of_ones_own(empty: Installation) -> None:
    settings = empty.folder / ".env"
    settings.write_text("DIGEST_BATCH_SIZE=50", "utf-8")
    empty.done("init")
    assert re.fullmatch(r"DIGEST_BATCH_SIZE=50\nDIGEST_SECRET=[0-9a-f]{64}\n", settings.read_text())
    assert settings.stat().st_mode & 0o077 == 0


def test_init_again_changes_nothing(journey: Journey) -> None:
    folder = journey.site.folder
    before = content(folder / "digest.db"), (folder / ".env").read_text()
    facts = journey.site.done("init", "--json").facts
    assert (content(folder / "digest.db"), (folder / ".env").read_text()) == before
    assert (facts["upgraded"], facts["secret_written"]) == (False, False)


def test_the_page_is_imported_and_picked_with_its_reason(journey: Journey) -> None:
    assert "1 new" in journey.said["import"].out
    assert re.search(r"1\. Lathe vs Mortar Studio\s+\S.*points", journey.said["pick"].out)


@pytest.mark.parametrize("form", ["html", "text"])
@pytest.mark.parametrize("name", ["Lathe", "Mortar Studio", "75%", "100%", "Free", "Paid"])
def test_the_mail_tells_of_both_sides(journey: Journey, form: str, name: str) -> None:
    out = journey.said[form].out
    assert name in (words(out) if form == "html" else spaced(out))


def test_a_community_without_votes_is_said_on_each_side_and_has_no_number(journey: Journey) -> None:
    seen = words(journey.said["html"].out)
    assert seen.count("No votes yet") == 2
    assert not re.search(r"(?<!\d)0%", seen)


def test_a_week_is_built_once(journey: Journey) -> None:
    again = journey.site.run("build")
    assert (again.code, again.out) == (1, "")
    assert "built" in again.err


def test_every_sample_is_taken(empty: Installation) -> None:
    empty.done("init")
    facts = empty.done("import", samples()[0].parent, "--json").facts
    assert (facts["new"], facts["refused"]) == (len(samples()), 0)


def test_the_outbox_holds_one_mail_a_reader_with_a_link_of_their_own(ready: Installation) -> None:
    ready.done("send", "1")
    mails = [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in (ready.folder / "outbox").rglob("*.eml")
    ]
    assert len({mail["To"] for mail in mails}) == READERS
    assert len({mail["List-Unsubscribe"] for mail in mails}) == len(mails) == READERS
    assert {mail["List-Unsubscribe-Post"] for mail in mails} == {"List-Unsubscribe=One-Click"}


def test_a_second_init_does_not_send_one_to_import_again(empty: Installation) -> None:
    assert "Next: digest import" in empty.done("init").out
    assert empty.done("init").out.splitlines()[-1] == "Next: digest status"
