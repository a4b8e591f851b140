"""The command `digest demo`: every step of an issue on sample data, against the fake SendGrid.

Hides how the demo builds an installation of its own, so that no mail leaves this machine.
"""

from __future__ import annotations

import csv
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from secrets import token_hex
from shlex import quote
from typing import Annotated, Any

import typer
from sqlmodel import Session

from digest import samples
from digest.app.installation import App, open_app
from digest.cli.context import CommandContext, JsonFlag, call_of
from digest.cli.installation.init import WEEKLY
from digest.cli.issue.status_output import print_counts
from digest.comparisons.loader import read_file
from digest.comparisons.store import store_draft
from digest.db import sqlite_url
from digest.delivery.reporting import IssueStatus, issue_status
from digest.delivery.sending import dispatch, plan_deliveries
from digest.errors import DigestError
from digest.fake_sendgrid import RunningFake, running_fake
from digest.issues import build, store
from digest.issues.approval import approve
from digest.issues.calendar import cadence
from digest.issues.models import Edition, Issue, Newsletter, Tracking
from digest.issues.picking import Pick
from digest.issues.provenance import template_hash
from digest.migrations.upgrade import upgrade
from digest.reports import issue_page, report
from digest.samples.sample_addresses import addresses
from digest.settings import Settings, TransportKind, by_init_name, load
from digest.setup import EnvFile
from digest.web.app import make_site
from digest.web.server import listen, serve_in_thread
from subscribers.importer import ImportOptions, import_list

app = typer.Typer()
FOLDER_MARK = ".digest-demo"  # marks a folder the demo made, which it may delete
CONSENT = "Sample readers, made up for the demo; these addresses belong to nobody."


#: A list that agreed to its mail complains seldom; at 0.1 % a report turns red.
SHARES = {"spamreport": 0.0002}


@dataclass
class DemoRun:
    """Seconds by stage and facts that the demo reports."""

    say: Callable[[str], None]  #: prints at once, without an end of line
    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the seconds of one stage, and say when it begins and ends."""
        self.say(f"{name[0].upper()}{name[1:]}... ")
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began
        self.say(f"{self.seconds[name]:.1f} s\n")


@app.command()
def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Option(help="The folder to create; replaced each time.")] = Path(
        "demo"
    ),
    readers: Annotated[int, typer.Option(min=1, max=100_000)] = 1000,
    as_json: JsonFlag = False,
) -> None:
    """Try every step with samples and a fake SendGrid: import, build, send, report."""
    call = call_of(context)
    demo_run = DemoRun(say=partial(_say, call, quiet=as_json))
    _make_folder(folder)
    sock = listen(0)
    webhook_url = f"http://127.0.0.1:{sock.getsockname()[1]}/webhooks/sendgrid"
    with ExitStack() as stack:
        with demo_run.stage("start the fake SendGrid"):
            fake = stack.enter_context(
                running_fake(folder, events_to=webhook_url, hold_events=True, shares=SHARES)
            )
        installation = open_app(_settings(folder, fake))
        with installation.database.write() as session:
            upgrade(session.connection())
        with serve_in_thread(make_site(installation), sock):
            status = _run_stages(demo_run, installation, folder, readers, fake)
        installation.database.close()
    if as_json:
        call.json({**demo_run.facts, "status": status.as_dict(), "seconds": demo_run.seconds})
    else:
        _report(call, demo_run, status, folder)
    if (
        not status.counts.balances
        or status.counts.accepted != demo_run.facts["provider"]["messages"]
    ):
        raise DigestError("the counts don't balance: this is a bug in Digest, please report it")


def _run_stages(
    demo_run: DemoRun, installation: App, folder: Path, readers: int, fake: RunningFake
) -> IssueStatus:
    with demo_run.stage("import comparisons"), installation.database.write() as session:
        today = installation.clock().weekday()  # so that the mail and its report have one date
        weekly = {**WEEKLY.model_dump(exclude={"id"}), "weekday": today}
        weekly["tracking"] = Tracking.READER
        session.add(Newsletter(**weekly))
        for path in samples.comparisons():
            store_draft(session, read_file(path), now=installation.clock())
    with demo_run.stage("import readers"):
        demo_run.facts["readers"] = _import_readers(installation, folder, readers)
    with demo_run.stage("pick and build"):
        issue_id, pick = _build(installation, folder)
    demo_run.facts["pick"] = pick.to_dict()
    with demo_run.stage("send"):
        _send(installation, issue_id)
    with demo_run.stage("events back"):
        demo_run.facts["events"] = fake.flush_events()
        installation.events.consumer().apply_all()  # events that are spooled and not applied yet
    demo_run.facts["provider"] = fake.counts()
    with installation.database.read() as session:
        issue = session.get_one(Issue, issue_id)
        demo_run.facts["subject"] = store.edition_of(session, issue).subject
        page = issue_page(report(session, issue, installation.clock()))
        (folder / "report.html").write_text(page, encoding="utf-8")
        return issue_status(session, issue, store.edition_of(session, issue), installation.clock())


def _make_folder(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / FOLDER_MARK).exists():
            raise DigestError(
                f"{folder} isn't empty, and no demo made it",
                next_step="digest demo --folder ANOTHER",
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FOLDER_MARK).touch()


def _say(call: CommandContext, text: str, *, quiet: bool) -> None:
    if not quiet:
        call.out.print(text, end="", markup=False)


def _settings(folder: Path, fake: RunningFake) -> Settings:
    """Return the demo's settings; the folder keeps those that commands need there afterwards."""
    lasting = {
        "DIGEST_SECRET": token_hex(),
        "DIGEST_BASE_URL": "https://verdicts.example.com",
        "DIGEST_POSTAL_ADDRESS": "Example Press\n1 Sample Street\nExampletown",
    }
    EnvFile("# Mail goes to a folder: the demo's fake SendGrid has stopped.\n").with_values(
        lasting
    ).write(folder / ".env")
    return load(
        database_url=sqlite_url(folder.absolute() / "digest.db"),
        transport=TransportKind.SENDGRID,
        sendgrid_api_key="any key: the fake accepts it",
        sendgrid_url=fake.url,
        webhook_keys=fake.webhook_key,
        **by_init_name(lasting),
    )


def _import_readers(installation: App, folder: Path, readers: int) -> int:
    path = folder / "readers.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["email"])
        writer.writerows([address] for address in addresses(readers))
    report = import_list(
        installation.database,
        path,
        ImportOptions(newsletter=WEEKLY.slug, consent=CONSENT),
        hashes=installation.hashes,
        now=installation.clock(),
    )
    return report.added


def _build(installation: App, folder: Path) -> tuple[int, Pick]:
    now = installation.clock()
    with installation.database.write() as session:
        newsletter = store.newsletter(session, WEEKLY.slug)
        week = cadence.period_at(now, newsletter.timezone)
        pick = build.choose_comparisons(session, newsletter, week)
        issue, built = build.build(
            session, newsletter, week, now=now, issue_builder=installation.issues.builder
        )
        (folder / "issue.html").write_text(built.rendered.html, encoding="utf-8")
        (folder / "issue.txt").write_text(built.rendered.text, encoding="utf-8")
        return issue.id or 0, pick


def _send(installation: App, issue_id: int) -> None:
    installation.sending.begin()
    with installation.database.write() as session:
        issue = session.get_one(Issue, issue_id)
        edition: Edition = store.edition_of(session, issue)
        sending = installation.sending.edition_send(session, issue)
        _approve(installation, session, issue)
        plan_deliveries(
            session,
            issue=issue,
            edition=edition,
            newsletter=WEEKLY.slug,
            batch_size=250,  # so that a small list makes more than one batch
            now=installation.clock(),
        )
    dispatch(sending, concurrency=installation.settings.concurrency)


def _approve(installation: App, session: Session, issue: Issue) -> None:
    approve(
        session,
        issue,
        templates=template_hash(installation.issues.template_sources()),
        findings=installation.issues.findings(store.edition_of(session, issue)),
        by="the demo",
        now=installation.clock(),
        despite=None,
    )
    installation.issues.require_approved(session, issue)


def _report(call: CommandContext, demo_run: DemoRun, status: IssueStatus, folder: Path) -> None:
    say = call.out.print
    pick = demo_run.facts["pick"]
    say(f"\n[bold]“{demo_run.facts['subject']}”[/bold]")
    say(f"Issue {status.issue} of {status.period}: {status.state}\n")
    say(f"Picked: {pick['note']}", markup=False)
    for choice in pick["chosen"]:
        say(f"  {choice['position']}. {choice['title']}")
        say(f"     {choice['reason']}", style="dim", markup=False)
    say("\nThe results:")
    print_counts(call, status.counts)
    provider = demo_run.facts["provider"]
    say(
        f"  The provider's own ledger: {provider['messages']:,} mails to"
        f" {provider['addresses']:,} addresses, {provider['duplicates']:,} doubled."
    )
    digest = own_command()
    say(f"  Each copy: {digest} fake-sendgrid --ledger {quote(f'{folder}/fake-sendgrid.db')}")
    say("\nSee it:")
    say(f"  the mail    {(folder / 'issue.html').absolute().as_uri()}", soft_wrap=True)
    say(f"  the report  {(folder / 'report.html').absolute().as_uri()}", soft_wrap=True)
    say(f"  the desk    cd {quote(str(folder))} && {own_command(folder)} preview")


def own_command(folder: Path = Path()) -> str:
    """Return how a person in *folder* calls this very command, whether an environment is active."""
    beside = Path(sys.executable).with_name("digest")
    found = shutil.which("digest")
    if not beside.exists() or (found and Path(found).absolute() == beside.absolute()):
        return "digest"
    return quote(min(os.path.relpath(beside, folder), str(beside), key=len))
