"""The editor's commands: approve, test, rebuild, check and preview."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlmodel import Session

from digest.cli.preview import tunnel_words
from digest.issues import store
from digest.issues.models import Issue, Slot, SlotState
from digest.render.sandbox import RenderProcess
from tests.preview.conftest import SECRET, EditorFolder, open_folder
from tests.stories.warm_start import Warm

RunIn = Callable[..., subprocess.CompletedProcess[str]]

SETTINGS = {
    "DIGEST_SECRET": SECRET,
    "DIGEST_BASE_URL": "https://news.example.com",
    "DIGEST_POSTAL_ADDRESS": "12 Example Street\n10115 Berlin",
}


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, confined: RenderProcess
) -> Iterator[EditorFolder]:
    """A folder with a built issue that nobody has approved."""
    with open_folder(tmp_path_factory.mktemp("cli") / "folder", confined) as editor:
        editor.desk.renew()
        editor.desk.approve(editor.desk.snapshot.seal, [], "Kim")
        with editor.app.database.write() as session:
            forget(session)
        yield editor


def forget(session: Session) -> None:
    session.connection().exec_driver_sql("DELETE FROM approval")


@pytest.fixture
def run_in(warmed: Warm) -> RunIn:
    """Return a function that runs a command to its end in a folder."""

    def run_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        said = warmed.run(list(arguments), folder, {**os.environ, **SETTINGS})
        return subprocess.CompletedProcess(arguments, said.code, said.out, said.err)

    return run_in


def facts(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def issue_of(session: Session) -> Issue:
    return store.by_number(session, 1, 1)


@pytest.mark.parametrize(
    ("connection", "way"),
    [
        ("198.51.100.9 51234 203.0.113.7 22", "kim@203.0.113.7"),
        ("198.51.100.9 51234 203.0.113.7 2222", "-p 2222 kim@203.0.113.7"),
        ("nonsense", "kim@SERVER"),
    ],
)
def test_on_a_server_the_desk_says_how_to_reach_it(connection: str, way: str) -> None:
    said = tunnel_words(connection, "kim", 8025)
    assert said.splitlines()[1] == f"ssh -N -L 8025:127.0.0.1:8025 {way}"


def test_send_refuses_what_nobody_approved_and_takes_what_somebody_did(
    built: EditorFolder, run_in: RunIn
) -> None:
    refused = run_in(built.folder, "send", "1")
    approved = run_in(built.folder, "approve", "1", "--by", "Kim", "--json")
    after = run_in(built.folder, "send", "1")

    assert (refused.returncode, "isn't approved" in refused.stderr) == (1, True)
    assert "digest approve 1" in refused.stderr
    assert facts(approved)["by"] == "Kim"
    assert "isn't approved" not in after.stderr


def test_what_is_sent_back_is_not_sent_until_it_is_approved_anew(
    built: EditorFolder, run_in: RunIn
) -> None:
    run_in(built.folder, "approve", "1", "--by", "Kim")
    back = run_in(built.folder, "send-back", "1", "--by", "Ann", "--note", "The lead is wrong.")
    refused = run_in(built.folder, "send", "1")
    again = run_in(built.folder, "send-back", "1", "--by", "Ann", "--note", "No.", "--json")
    empty = run_in(built.folder, "send-back", "1", "--note", " ")
    with built.app.database.write() as session:
        forget(session)

    assert back.stdout.startswith("Issue 1 is sent back by Ann: The lead is wrong.")
    assert "issue 1 was sent back by Ann: The lead is wrong." in refused.stderr
    assert "--again; then digest approve 1" in refused.stderr
    assert facts(again)["note"] == "No."
    assert (empty.returncode, len(empty.stderr.splitlines())) == (1, 1)


def test_the_first_of_two_approvals_says_that_one_more_is_needed(
    built: EditorFolder, run_in: RunIn
) -> None:
    with built.app.database.write() as session:
        store.newsletter(session, "weekly").approvals_needed = 2
    first = run_in(built.folder, "approve", "1", "--by", "Kim")
    same = run_in(built.folder, "approve", "1", "--by", "kim", "--json")
    refused = run_in(built.folder, "send", "1")
    second = run_in(built.folder, "approve", "1", "--by", "Ann")
    with built.app.database.write() as session:
        store.newsletter(session, "weekly").approvals_needed = 1
        forget(session)

    assert "One more approval is needed, from somebody else." in first.stdout
    assert (facts(same)["given"], facts(same)["needed"]) == (1, 2)
    assert "issue 1 has 1 of 2 approvals" in refused.stderr
    assert "Next: digest send 1" in second.stdout


def test_approve_says_when_a_scheduled_issue_goes_by_itself(
    built: EditorFolder, run_in: RunIn
) -> None:
    due = datetime(2026, 11, 24, 8, tzinfo=UTC)
    with built.app.database.write() as session:
        issue, weekly = issue_of(session), store.newsletter(session, "weekly")
        weekly.timezone = "Europe/Berlin"
        turn = Slot(
            newsletter_id=issue.newsletter_id,
            period=issue.period,
            day=due.date(),
            due_at=due + timedelta(days=36_500),
            state=SlotState.DRAFTED,
            claimed_at=due,
        )
        session.add(turn)
    done = run_in(built.folder, "approve", "1", "--by", "Kim")
    with built.app.database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM turn")
        store.newsletter(session, "weekly").timezone = "UTC"
        forget(session)

    said = "It goes out by itself on Thursday, 31 October 2126 at 09:00 (Europe/Berlin)"
    assert said in done.stdout


def test_a_test_copy_goes_to_oneself(built: EditorFolder, run_in: RunIn) -> None:
    done = run_in(built.folder, "test", "1", "--to", "me@example.org")

    assert done.returncode == 0, done.stderr
    assert "me@example.org" not in done.stdout + done.stderr
    assert "was written to outbox/test" in done.stdout
    assert "[Test]" in (built.folder / "outbox/test/test.eml").read_text()


def test_a_test_copy_to_no_address_is_refused_in_a_line(built: EditorFolder, run_in: RunIn) -> None:
    done = run_in(built.folder, "test", "1", "--to", "nonsense")

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


def test_rebuild_proves_that_an_issue_is_the_same(built: EditorFolder, run_in: RunIn) -> None:
    assert facts(run_in(built.folder, "rebuild", "1", "--verify", "--json"))["same"]


def test_rebuild_fails_where_a_byte_differs(built: EditorFolder, run_in: RunIn) -> None:
    with built.app.database.write() as session:
        edition = store.edition_of(session, issue_of(session))
        kept, edition.text = edition.text, edition.text + "!"
    done = run_in(built.folder, "rebuild", "1", "--verify")
    with built.app.database.write() as session:
        store.edition_of(session, issue_of(session)).text = kept

    assert done.returncode == 1
    assert "differs when rebuilt: text" in done.stdout
    assert "@@" in done.stdout


def test_check_says_what_is_wrong_with_the_templates_an_issue_was_made_of(
    editor: EditorFolder, run_in: RunIn
) -> None:
    editor.template(
        "partials/footer.mjml",
        lambda source: source.replace("<mj-section", "<mj-section gutter='1px'", 1),
    )
    editor.desk.renew()
    editor.desk.approve(editor.desk.snapshot.seal, ["mjml-no-effect"], "Kim")
    (editor.folder / "templates/email/partials/footer.mjml").unlink()
    found = json.loads(run_in(editor.folder, "check", "1", "--json").stdout)["findings"]

    assert [(each["rule"], each["file"]) for each in found] == [
        ("mjml-no-effect", "partials/footer.mjml")
    ]


@contextmanager
def opened(desk: subprocess.Popen[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the two lines that a desk prints first, and its page; end the desk after the block."""
    assert desk.stdout is not None
    try:
        made, at = desk.stdout.readline(), desk.stdout.readline()
        with httpx2.Client(follow_redirects=True, timeout=60) as browser:
            yield made, at, browser.get(at.split()[4]).text
    finally:
        desk.send_signal(signal.SIGTERM)
        desk.communicate(timeout=60)


def test_preview_makes_a_store_where_there_is_none_and_ends_at_a_signal(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("nothing")
    desk = subprocess.Popen(
        [sys.executable, "-m", "digest", "preview", "--port", "0"],
        cwd=tmp_path,
        env={**os.environ, **SETTINGS},
        stdout=subprocess.PIPE,
        text=True,
    )
    with opened(desk) as (made, at, page):
        assert made.startswith("Created a database")
        assert at.split()[4].startswith("http://127.0.0.1:")
        assert "There are no comparisons yet" in page


def test_D3_preview_of_an_empty_folder_begins_with_samples_if_asked_to(tmp_path: Path) -> None:
    desk = subprocess.Popen(
        [sys.executable, "-m", "digest", "preview", "--port", "0", "--samples"],
        cwd=tmp_path,
        env={**os.environ, **SETTINGS},
        stdout=subprocess.PIPE,
        text=True,
    )
    with opened(desk) as (_, _, page):
        assert "Tidepool Notes" in page


def test_D1_preview_opens_the_first_newsletter_where_none_is_called_weekly(
    editor: EditorFolder,
) -> None:
    with editor.app.database.write() as session:
        weekly = store.newsletter(session, "weekly")
        weekly.slug, weekly.name = "tools", "Tools of the Trade"
    desk = subprocess.Popen(
        [sys.executable, "-m", "digest", "preview", "--port", "0"],
        cwd=editor.folder,
        env={**os.environ, **SETTINGS},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert desk.stdout is not None
    try:
        url = desk.stdout.readline().split()[4]
        with httpx2.Client(follow_redirects=True, timeout=60) as browser:
            assert "Tools of the Trade – desk" in browser.get(url).text
    finally:
        desk.send_signal(signal.SIGTERM)
        desk.communicate(timeout=60)


def test_preview_of_a_folder_that_is_not_there_is_refused_in_a_line(
    tmp_path: Path, run_in: RunIn
) -> None:
    done = run_in(tmp_path, "preview", "nowhere")

    assert done.returncode == 1
    assert done.stderr == "digest: there is no folder nowhere\n  next: mkdir -p nowhere\n"
    assert not (tmp_path / "digest.db").exists()


def test_preview_at_a_port_that_is_taken_says_so(tmp_path: Path, run_in: RunIn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_in(tmp_path, "preview", "--port", port)

    assert done.returncode == 1
    assert f"something else answers on port {port} already" in done.stderr
    assert "--port 0" in done.stderr
