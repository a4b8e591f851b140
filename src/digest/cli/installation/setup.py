"""The command `digest setup`: ask what a newsletter needs, try it, and write it.

Hides how questions become options and prompts, and what is printed of each step.
"""

from __future__ import annotations

import inspect
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http.client import HTTP_PORT
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from sqlmodel import col, select

from digest.app.installation import App, open_app
from digest.cli.context import CommandContext, JsonFlag, call_of
from digest.cli.installation.doctor import UNFIT, dns_records, print_checks
from digest.cli.installation.init import prepare
from digest.cli.installation.setup_output import SetupPlan, show_plan, tell_outcome
from digest.delivery.models import SpoolPosition
from digest.doctor import (
    CheckResult,
    HealthLevel,
    fine,
    is_loopback,
    run_checks,
    warning,
)
from digest.errors import BadSetting, DigestError, WrongState
from digest.mail.mailing import mailbox
from digest.migrations.revision import current
from digest.settings import ENV_FILE, by_init_name, load
from digest.setup import (
    PRESS,
    QUESTIONS,
    EnvFile,
    SetupQuestion,
    answers_of,
    changes,
    check_key,
    check_webhook,
    checked,
    missing,
    newsletter_answers,
    set_up_newsletter,
    settings_from,
)

app = typer.Typer()
_STDIN = "-"  #: as an answer: it is read from stdin, so that no process list shows it


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each question, in place of its ``**given``."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[:-1]
    asked = [
        inspect.Parameter(
            question.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None, typer.Option(question.option, metavar="TEXT", help=_help(question))
            ],
        )
        for question in QUESTIONS
    ]
    parameters = [own[0], *asked, *(each.replace(kind=asked[0].kind) for each in own[1:])]
    vars(command)["__signature__"] = inspect.Signature(parameters)
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def _help(question: SetupQuestion) -> str:
    also = f" {_STDIN} reads it from standard input." if question.secret else ""
    hint = f" ({question.hint})" if question.hint else ""
    return f"{question.words}{hint}.{also}"


@app.command()
@_with_options
def setup(
    context: typer.Context,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing; save the answers given as options.")
    ] = False,
    dns: Annotated[bool, typer.Option(help="Look up the sender's DNS records.")] = True,
    wait: Annotated[
        float, typer.Option(min=0, max=600, help="Seconds to wait for SendGrid's test event.")
    ] = 0,
    as_json: JsonFlag = False,
    **given: str | None,
) -> None:
    """Set up a newsletter: answer a few questions, test the answers, and save them to .env."""
    call = call_of(context)
    asks = not yes and not as_json and sys.stdin.isatty()
    try:
        plan = _plan(call, given, asks=asks, dns=dns)
        if asks:
            print_checks(call, plan.checks)
        if not as_json:
            show_plan(call, plan)
        writes = yes or (asks and typer.confirm("\nSave these changes?", default=True))
    except (typer.Abort, KeyboardInterrupt):
        raise DigestError("stopped; nothing was saved", next_step="digest setup") from None
    if not writes:
        step = "digest setup" if asks else "the same command with --yes, to save"
        raise DigestError("nothing was saved", next_step=step)
    fresh = CommandContext(database_url=call.database_url)
    context.call_on_close(fresh.close)
    newsletter = _write(fresh, plan)
    if wait:
        fresh.err.print(f"Waiting {wait:.0f} seconds for a signed event. Now {PRESS}.")
    checks = [*plan.checks, *_try_webhook(fresh.app, wait)]
    marked = [each for each in run_checks(fresh.app) if each.weight is not HealthLevel.FINE]
    tell_outcome(fresh, plan, newsletter, checks, marked, as_json=as_json)
    if any(each.weight in UNFIT for each in (*checks, *marked)):
        raise typer.Exit(1)


def _plan(
    call: CommandContext, given: Mapping[str, str | None], *, asks: bool, dns: bool
) -> SetupPlan:
    """Gather the answers, and try what can be tried before anything is written."""
    newsletter = _newsletter_today(call)
    questions = [each for each in QUESTIONS if newsletter is not None or not each.newsletter]
    today = {name: text for name, text in {**(newsletter or {}), **_today(call)}.items() if text}
    flags = {name: _from_stdin(name, text) for name, text in given.items() if text is not None}
    _refuse_unasked(questions, flags)
    ask = partial(_asked, call) if asks else _answered
    answers = ask(questions, today, flags)
    changed = changes(call.settings, settings_from(today), settings_from(answers))
    installation = open_app(load(database_url=call.database_url, **by_init_name(changed)))
    if asks:
        call.out.print("\nTesting your answers...")
    checks = list(_try_provider(installation, changed, dns=dns))
    return SetupPlan(answers=answers, changes=changed, checks=checks)


def _today(call: CommandContext) -> dict[str, str]:
    """Return the answers that stand in today's settings."""
    settings = call.settings
    named = {each.name: str(each.setting) for each in QUESTIONS if each.setting}
    answers = {
        name: _plain(getattr(settings, setting))
        for name, setting in named.items()
        if setting in settings.model_fields_set
    }
    if "sender" in settings.model_fields_set:
        sender = mailbox(settings.sender)
        answers.update({"sender": sender.address, "sender_name": sender.name})
    return answers


def _plain(value: Any) -> str:
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value or "")


def _newsletter_today(call: CommandContext) -> dict[str, str] | None:
    """Return today's answers about the newsletter; ``None`` where there are several."""
    path = open_app(call.settings).database.path
    if path is not None and not path.exists():
        return answers_of()
    with call.app.database.read() as session:
        if current(session.connection()) is None:  # a server's database without tables
            return answers_of()
        return newsletter_answers(session)


def _refuse_unasked(questions: Sequence[SetupQuestion], flags: Mapping[str, str]) -> None:
    """Raise `WrongState` for options about the newsletter where there are several."""
    asked = {question.name for question in questions}
    unasked = [each.option for each in QUESTIONS if each.name in flags.keys() - asked]
    if unasked:
        raise WrongState(
            f"there are several newsletters, so {', '.join(unasked)} can't be set here",
            next_step="digest schedule set --help",
        )


def _from_stdin(name: str, text: str) -> str:
    """Return *text*, or the next line of stdin in its place; raise `BadSetting` for none."""
    if text != _STDIN:
        return text
    option = f"--{name.replace('_', '-')}"
    if sys.stdin.isatty():
        return str(typer.prompt(option, hide_input=True))
    line = sys.stdin.readline().strip()
    if not line:
        raise BadSetting(
            f"{option} {_STDIN}: stdin holds none",
            next_step=f"digest setup {option} {_STDIN} < FILE",
        )
    return line


def _answered(
    questions: Sequence[SetupQuestion], today: Mapping[str, str], flags: Mapping[str, str]
) -> dict[str, str]:
    """Return the answers of *flags* and of *today*; raise `DigestError` where one is missing."""
    if "sender" not in today and "name" in flags:  # as a terminal suggests it
        flags = {"sender_name": flags["name"], **flags}
    answers = dict(today)
    for question in questions:
        if question.name in flags:
            try:
                answers[question.name] = checked(question, flags[question.name])
            except DigestError as fault:
                raise BadSetting(f"{question.option}: {fault}") from None
    lacking = missing(questions, answers)
    if lacking:
        raise BadSetting(
            f"without a terminal nothing is asked, and these are missing: {', '.join(lacking)}",
            next_step="digest setup --yes " + " ".join(f"{option} TEXT" for option in lacking),
        )
    return answers


def _asked(
    call: CommandContext,
    questions: Sequence[SetupQuestion],
    today: Mapping[str, str],
    flags: Mapping[str, str],
) -> dict[str, str]:
    """Ask each question that no flag has answered, with today's answer as the default."""
    call.out.print("Press Enter to keep the value in brackets. Ctrl-C stops without saving.\n")
    answers = dict(today)
    for question in questions:
        given = flags.get(question.name)
        if given is None and not question.is_asked(answers):
            continue
        while True:
            try:
                text = _ask(call, question, answers) if given is None else given
                answers[question.name] = checked(question, text)
            except DigestError as fault:
                call.err.print(f"  {fault}", markup=False)
                given = None
            else:
                break
    return answers


def _ask(call: CommandContext, question: SetupQuestion, answers: Mapping[str, str]) -> str:
    usual = answers.get(question.name, "")
    if question.name == "sender_name":
        usual = usual or answers.get("name", "")
    if question.hint and not usual:
        call.out.print(f"  {question.hint}", style="dim", markup=False)
    kept = " [unchanged]" if question.secret and usual else ""
    answer: str = typer.prompt(
        question.words + kept,
        default="" if question.secret else usual,
        show_default=bool(usual) and not question.secret,
        hide_input=question.secret,
    )
    return answer or (usual if question.secret else "")


def _try_provider(
    installation: App, changes: Mapping[str, str], *, dns: bool
) -> Iterator[CheckResult]:
    if installation.outbox_folder is None:
        yield check_key(installation.provider, installation.identity.sender_mailbox)
    if dns:
        yield from _try_dns(installation)
    for variable, value in changes.items():
        if os.environ.get(variable, value) != value:
            says = f"{variable} has another value in the environment, which takes precedence"
            yield warning("settings", says, f"unset {variable}")


def _try_dns(installation: App) -> Iterator[CheckResult]:
    records = dns_records(installation)
    absent = [f"{record.what} ({record.name})" for record in records if record.fine is False]
    unknown = [record for record in records if record.fine is None and record.what != "SPF"]
    if absent:
        yield warning("DNS", f"not found yet: {', '.join(absent)}", "digest doctor lists them")
    elif unknown:
        yield warning("DNS", "no name server answered", "run digest doctor again")
    elif records:
        yield fine("DNS", "DKIM and DMARC are published")


def _write(call: CommandContext, plan: SetupPlan) -> str | None:
    """Write the settings, then the database; return the newsletter's slug, if one was set up."""
    if plan.changes:
        EnvFile.read(ENV_FILE).with_values(plan.changes).write(ENV_FILE)
    prepare(call, newsletter=None)
    if "name" not in plan.answers:
        return None
    with call.app.database.write() as session:
        return set_up_newsletter(session, plan.answers, call.app.clock()).slug


def _try_webhook(installation: App, wait: float) -> Iterator[CheckResult]:
    """Yield what became of a signed post; without a key the doctor says what is missing."""
    settings = installation.settings
    posts_events = installation.outbox_folder is None and installation.provider.posts_events
    if not posts_events or not settings.webhook_key_list():
        return
    with _served(installation):
        yield check_webhook(
            f"{settings.base_url}/webhooks/{installation.provider.name}",
            settings.webhook_key_list(),
            fake=settings.sendgrid_url if is_loopback(_host(settings.sendgrid_url)) else None,
            seen=lambda: applied_posts(installation),
            wait=wait,
            sleep=time.sleep,
        )


@contextmanager
def _served(installation: App) -> Iterator[None]:
    """Serve the site for a test, where it belongs on this machine and isn't served yet."""
    base = installation.settings.base_url
    if not (base.startswith("http:") and is_loopback(_host(base))):
        yield
        return
    from digest.web.app import make_site
    from digest.web.server import listen, serve_in_thread

    try:
        sock = listen(urlsplit(base).port or HTTP_PORT)
    except DigestError:  # the port is taken: by digest run, as a rule
        yield
        return
    with serve_in_thread(make_site(installation), sock):
        yield


def _host(url: str) -> str | None:
    return urlsplit(url).hostname


def applied_posts(installation: App) -> list[tuple[str, int]]:
    """Return how much of each spool file is applied, which changes with every event."""
    with installation.database.read() as session:
        rows = session.exec(select(SpoolPosition).order_by(col(SpoolPosition.file)))
        return [(row.file, row.offset) for row in rows]
