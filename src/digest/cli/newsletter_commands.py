"""Commands about newsletters: list, show, add, set, archive.

Hides how options become the settings of `digest.issues.newsletters`, and its faults the options'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from digest import images
from digest.cli.context import CommandContext, JsonFlag, call_of, counted
from digest.cli.schedule import AtOption, EveryOption, NthOption, OnOption, ZoneOption
from digest.errors import DigestError
from digest.issues import newsletters, store
from digest.issues.calendar.cadence_change import set_cadence
from digest.issues.issue_commands import build_again
from digest.issues.models import IssueState, Newsletter, Tracking, WhenEmpty
from digest.issues.newsletters import MOST, POINTS, BadNewsletter
from digest.issues.picking import PickPoints
from digest.render.brand import Font
from subscribers import list_statistics
from subscribers.locale import LANGUAGES

app = typer.Typer(help="Add newsletters, and show or change their settings.", no_args_is_help=True)
_Command = Callable[[typer.Context, str, dict[str, Any], bool], None]


def _text(option: str, meaning: str, kind: str = "TEXT") -> Any:
    return Annotated[str | None, typer.Option(option, metavar=kind, help=meaning)]


Slug = Annotated[
    str, typer.Argument(metavar="SLUG", help="The newsletter's slug, such as tools-of-the-trade.")
]
#: The options of each setting, by the name it has in `NewsletterSettings`.
SETTINGS: dict[str, Any] = {
    "name": _text("--name", "The name that readers see."),
    "description": _text("--description", "What readers get, in a sentence."),
    "language": _text("--language", f"The language of its pages and mail: {', '.join(LANGUAGES)}."),
    "sender": _text("--from", 'The sender, as Name <address>; "" for DIGEST_FROM.'),
    "reply_to": _text("--reply-to", 'The reply-to address; "" for DIGEST_REPLY_TO.'),
    "postal_address": _text(
        "--postal-address", r'Lines with \n between; "" for DIGEST_POSTAL_ADDRESS.'
    ),
    "fewest": _text(
        "--fewest", "The minimum of new comparisons; with fewer, the week is empty.", "NUMBER"
    ),
    "most": _text("--most", f"The maximum of comparisons in an issue; up to {MOST}.", "NUMBER"),
    "no_repeat": _text(
        "--no-repeat", "How many issues a tool rests after it was featured.", "NUMBER"
    ),
    "points": Annotated[
        list[str] | None,
        typer.Option(
            "--points",
            metavar="PART=NUMBER",
            help=f"Points in the pick, for {', '.join(POINTS)}; repeatable.",
        ),
    ],
    "when_empty": Annotated[
        WhenEmpty | None, typer.Option(help="What to do in a week with nothing new.")
    ],
    "accent": _text("--accent", 'A colour such as #2744c4; "" for the usual one.'),
    "logo": _text("--logo", 'A PNG, JPEG or GIF, shown up to 44 pixels high; "" for none.', "FILE"),
    "logo_alt": _text("--logo-alt", 'The logo\'s text alternative; "" for the name.'),
    "font": Annotated[Font | None, typer.Option(help="The fonts of its mail and pages.")],
    "utm": _text(
        "--utm", "Add UTM tags to links to the tools and comparisons (default off).", "on|off"
    ),
    "tracking": Annotated[Tracking | None, typer.Option(help="How opens and clicks are recorded.")],
    "public": Annotated[
        bool | None,
        typer.Option("--public/--not-public", help="Whether the newsletter is listed on the site."),
    ],
    "approvals": _text("--approvals", "How many people must approve an issue: 1 or 2.", "NUMBER"),
}
CADENCE: dict[str, Any] = {
    "every": EveryOption,
    "on": OnOption,
    "at": AtOption,
    "zone": ZoneOption,
    "nth": NthOption,
}


def _takes(options: Mapping[str, Any]) -> Callable[[_Command], Callable[..., None]]:
    """Give a command *options*, all optional; it is called with those that were given."""
    of_options = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=option)
        for name, option in options.items()
    ]

    def decorate(command: _Command) -> Callable[..., None]:
        @wraps(command)
        def call(
            context: typer.Context, slug: str, as_json: bool = False, **values: object
        ) -> None:
            given = {name: value for name, value in values.items() if value is not None}
            command(context, slug, given, as_json)

        shared = signature(command, eval_str=True)
        own = [each for name, each in shared.parameters.items() if name != "given"]
        first, last = own[:-1], own[-1].replace(kind=Parameter.KEYWORD_ONLY)
        vars(call)["__signature__"] = shared.replace(parameters=[*first, *of_options, last])
        return call

    return decorate


@app.command("list")
def list_(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List the newsletters, each with its schedule and its number of readers."""
    call = call_of(context)
    with call.app.database.read() as session:
        facts = [_facts(call, session, row) for row in store.newsletters(session)]
    if as_json:
        call.json(facts)
        return
    for each in facts:
        call.out.print(f"{each['slug']}: {each['name']} ({each['language']})", markup=False)
        call.out.print(f"  {_state_in_words(each)}; {_readers_in_words(each)}", markup=False)
    if not facts:
        call.out.print("There are no newsletters. Next: digest newsletters add SLUG --name NAME")


@app.command()
def show(context: typer.Context, slug: Slug, as_json: JsonFlag = False) -> None:
    """Show a newsletter's settings, schedule and readers."""
    call = call_of(context)
    with call.app.database.read() as session:
        facts = _facts(call, session, store.newsletter(session, slug))
    if as_json:
        call.json(facts)
        return
    for label, text in _lines(call, facts):
        call.out.print(f"{label + ':':<17}{text}", markup=False)
    call.out.print(f"To change it: digest newsletters set {slug} --help", markup=False)
    call.out.print(f"To see the schedule: digest schedule --newsletter {slug}", markup=False)
    call.out.print(
        f"To send without approval: digest unattended on --newsletter {slug}", markup=False
    )


@app.command()
@_takes(SETTINGS | CADENCE)
def add(
    context: typer.Context, slug: Slug, given: dict[str, Any], as_json: JsonFlag = False
) -> None:
    """Add a newsletter; options you leave out get their default."""
    call = call_of(context)
    cadence = {name: given.pop(name, None) for name in CADENCE}
    with _faults_by_option(), call.app.database.write() as session:
        row = newsletters.create(session, slug, _settings(call, session, given))
        set_cadence(row, call.app.clock(), **cadence)
        facts = _facts(call, session, row)
    if as_json:
        call.json(facts)
        return
    call.out.print(f"{facts['name']} is added. It comes out {facts['cadence']}.", markup=False)
    if facts["public"]:
        page = f"{call.settings.base_url}/subscribe?newsletter={slug}"
        call.out.print(f"Readers sign up at {page}", markup=False)
    bring = f"digest subscribers import FILE.csv --consent TEXT --newsletter {slug}"
    call.out.print(f"To import a list: {bring}", markup=False)


@app.command("set")
@_takes(SETTINGS)
def set_(
    context: typer.Context, slug: Slug, given: dict[str, Any], as_json: JsonFlag = False
) -> None:
    """Change a newsletter's settings; options you leave out stay as they are."""
    call = call_of(context)
    if not given:
        raise DigestError("name what to change", next_step="digest newsletters set --help")
    with _faults_by_option(), call.app.database.write() as session:
        row = store.newsletter(session, slug)
        changed = newsletters.change(session, row, _settings(call, session, given))
        facts = {**_facts(call, session, row), "changed": changed}
        built = [issue for issue in store.issues(session, row.id) if _is_built(issue.state)]
        rebuild = [build_again(issue) for issue in built]
    if as_json:
        call.json(facts)
        return
    labelled = dict(_lines(call, facts))
    for label in dict.fromkeys(_LABELS[setting] for setting in changed):
        call.out.print(f"{label}: {labelled[label]}", markup=False)
    if not changed:
        call.out.print(f"Nothing changed: {slug} already has these settings.", markup=False)
    for command in rebuild if set(changed) - {"approvals"} else ():
        call.out.print(f"An issue is already built, and stays as it is. To rebuild it: {command}")


@app.command()
def archive(
    context: typer.Context,
    slug: Slug,
    undo: Annotated[bool, typer.Option("--undo", help="Bring the newsletter back.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """End a newsletter: no issues, no sign-ups; its pages stay."""
    call = call_of(context)
    with call.app.database.write() as session:
        row = store.newsletter(session, slug)
        end = newsletters.reopen if undo else newsletters.archive
        changed = end(session, row, call.app.clock())
        facts = {**_facts(call, session, row), "changed": ["archived_at"] if changed else []}
    if as_json:
        call.json(facts)
    elif not changed:
        already = "isn't archived" if undo else "is already archived"
        call.out.print(f"Nothing changed: {slug} {already}.", markup=False)
    elif undo:
        call.out.print(f"{slug} comes out again: {facts['cadence']}.", markup=False)
    else:
        call.out.print(f"{slug} is archived: no issue is built or sent, and nobody can sign up.")
        call.out.print(
            f"Its readers and pages stay. To undo this: digest newsletters archive {slug} --undo"
        )


def _settings(
    call: CommandContext, session: Session, given: Mapping[str, Any]
) -> dict[str, object]:
    """Return the settings of the options that were given, each part of the points by itself.

    The file of a logo is kept as an image.
    """
    settings = {name: value for name, value in given.items() if name != "points"}
    if settings.get("logo"):
        settings["logo"] = images.add(session, _read(settings["logo"]), now=call.app.clock()).key
    return {**settings, **_points(given.get("points", ()))}


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(images.MOST_BYTES + 1)
    except OSError as fault:
        raise DigestError(f"--logo: {path} can't be read: {fault.strerror}") from None


def _points(options: Sequence[str]) -> dict[str, object]:
    given: dict[str, object] = {}
    for option in options:
        part, _, number = option.partition("=")
        if part not in POINTS:
            raise typer.BadParameter(
                f"write PART=NUMBER; the parts are {', '.join(POINTS)}",
                param_hint="--points",
            )
        given[part] = number
    return given


@contextmanager
def _faults_by_option() -> Iterator[None]:
    try:
        yield
    except BadNewsletter as fault:
        named = [f"{_option(name)}: {text}" for name, text in fault.faults.items()]
        raise DigestError("; ".join(named)) from None


def _option(setting: str) -> str:
    if setting in POINTS:
        return f"--points {setting}"
    return {"slug": "SLUG", "sender": "--from"}.get(setting, f"--{setting.replace('_', '-')}")


def _is_built(state: IssueState) -> bool:
    return state is IssueState.BUILT


def _facts(call: CommandContext, session: Session, row: Newsletter) -> dict[str, Any]:
    counts = list_statistics.count(session, row.slug, call.app.clock())
    latest = store.latest(session, row)
    return {
        "slug": row.slug,
        **asdict(newsletters.settings_of(row)),
        "logo": _logo(call, session, row),
        "archived_at": row.archived_at,
        "cadence": str(row.cadence()),
        "scheduled": row.scheduled,
        "unattended": row.unattended,
        "latest_issue": latest.number if latest else None,
        "readers": {"mailable": counts.mailable, **counts.standings},
    }


def _logo(call: CommandContext, session: Session, row: Newsletter) -> dict[str, Any] | None:
    image = images.find(session, row.logo) if row.logo else None
    if image is None:
        return None
    url = images.url_of(call.settings.base_url, image)
    return {"url": url, "width": image.width, "height": image.height}


def _logo_in_words(facts: Mapping[str, Any]) -> str:
    logo = facts["logo"]
    return f"{logo['url']} ({logo['width']} by {logo['height']} pixels)" if logo else ""


def _state_in_words(facts: Mapping[str, Any]) -> str:
    if facts["archived_at"]:
        return f"archived on {facts['archived_at']:%Y-%m-%d}"
    paused = "" if facts["scheduled"] else ", paused"
    return f"{facts['cadence']}{paused}" + ("" if facts["public"] else "; not public")


def _approval_in_words(facts: Mapping[str, Any]) -> str:
    who = "one person" if facts["approvals"] == 1 else "two people"
    return f"by {who}" + ("; clean issues need none" if facts["unattended"] else "")


def _points_in_words(facts: Mapping[str, Any]) -> str:
    """Return the points of each part; one that is off unless it is set is left out."""
    return ", ".join(
        f"{part} {facts[part]:g}" for part in POINTS if facts[part] or getattr(PickPoints, part)
    )


def _readers_in_words(facts: Mapping[str, Any]) -> str:
    many: int = facts["readers"]["mailable"]
    return f"{counted(many, 'reader')} would get an issue now"


#: The line of `show` on which each setting stands.
_LABELS = {
    "name": "Name",
    "description": "Description",
    "language": "Language",
    "sender": "From",
    "reply_to": "Reply to",
    "postal_address": "Postal address",
    "fewest": "Comparisons",
    "most": "Comparisons",
    "no_repeat": "A tool rests",
    **dict.fromkeys(POINTS, "Points"),
    "when_empty": "Empty week",
    "accent": "Accent",
    "logo": "Logo",
    "logo_alt": "Logo text",
    "font": "Font",
    "utm": "UTM tags",
    "tracking": "Tracking",
    "public": "Public",
    "approvals": "Approval",
}


def _lines(call: CommandContext, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    from digest.render.accent import accent_of

    settings, readers = call.settings, facts["readers"]
    light, dark = accent_of(facts["accent"])
    own = {
        "sender": facts["sender"] or f"{settings.sender} (DIGEST_FROM)",
        "reply_to": facts["reply_to"]
        or (f"{settings.reply_to} (DIGEST_REPLY_TO)" if settings.reply_to else "the sender"),
        "postal_address": ", ".join(facts["postal_address"].splitlines())
        or (", ".join(settings.postal_address.splitlines()) or "none") + " (DIGEST_POSTAL_ADDRESS)",
        "most": f"{facts['fewest']} to {facts['most']} an issue",
        "no_repeat": f"for {counted(facts['no_repeat'], 'issue')}",
        POINTS[-1]: _points_in_words(facts),
        "when_empty": {
            WhenEmpty.SKIP: "no issue",
            WhenEmpty.EVERGREEN: "a short issue from the evergreen list",
        }[facts["when_empty"]],
        "accent": f"{light} in light mode, {dark} in dark mode",
        "logo": _logo_in_words(facts),
        "logo_alt": facts["logo_alt"] or (f"{facts['name']} (its name)" if facts["logo"] else ""),
        "font": facts["font"].value,
        "utm": "on" if facts["utm"] else "off",
        "tracking": facts["tracking"].value,
        "public": "yes" if facts["public"] else "no, only its readers know about it",
        "approvals": _approval_in_words(facts),
    }
    shown = ("name", "description", "language", *own)
    standings = ", ".join(f"{name} {number:,}" for name, number in readers.items())
    return [
        *((_LABELS[name], own.get(name, facts.get(name, "")) or "none") for name in shown),
        ("Comes out", _state_in_words(facts)),
        ("Latest issue", str(facts["latest_issue"] or "none")),
        ("Readers", standings),
    ]
