"""Print what `digest setup` would write, and how it ended.

Hides the layout, and that no key and no secret is ever printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digest.cli.context import CommandContext
from digest.cli.installation.doctor import UNFIT, print_checks
from digest.doctor import CheckResult
from digest.settings import ENV_FILE, values_in_file, variable_of
from digest.setup import QUESTIONS, clock_time

NOT_SHOWN = "(hidden)"
_NEXT_STEPS = (
    ("digest import PATH...", "import your comparisons"),
    ("digest build", "build the first issue"),
    ("digest test 1 --to ADDRESS", "send one copy to yourself"),
    ("digest subscribers import fifty.csv --consent TEXT", "import fifty readers who know you"),
    ("digest approve 1", "approve the first issue"),
    ("digest send 1", "send it to those fifty"),
    ("digest subscribers import all.csv --consent TEXT", "if all is well, import everyone"),
    ("digest run", "run everything from now on"),
)


@dataclass(frozen=True, kw_only=True)
class SetupPlan:
    """What is to be written, and what was found out before."""

    answers: Mapping[str, str]
    changes: Mapping[str, str]  #: settings by variable
    checks: list[CheckResult]


def show_plan(call: CommandContext, plan: SetupPlan) -> None:
    """Print what would be written; no key and no secret is shown."""
    before = values_in_file()
    hidden = {variable_of(each.setting or "") for each in QUESTIONS if each.secret}
    hidden.add(variable_of("secret"))
    call.out.print(f"\nChanges in {ENV_FILE}:" if plan.changes else f"\n{ENV_FILE} stays as it is.")
    for variable, value in plan.changes.items():
        mark = "~" if variable in before else "+"
        shown = NOT_SHOWN if variable in hidden else value
        was = f"   (was: {before[variable]})" if mark == "~" and variable not in hidden else ""
        call.out.print(f"  {mark} {variable}={shown}{was}", markup=False)
    name, day, at, zone = (plan.answers.get(each, "") for each in ("name", "on", "at", "zone"))
    if name:
        at = f"{clock_time(at):%H:%M}" if at else ""
        when = ", ".join(filter(None, [day.capitalize(), at, zone]))
        call.out.print(f"The newsletter: {name}; {when}", markup=False)


def tell_outcome(
    call: CommandContext,
    plan: SetupPlan,
    newsletter: str | None,
    checks: Sequence[CheckResult],
    marked: Sequence[CheckResult],
    *,
    as_json: bool,
) -> None:
    """Print how it ended, what the doctor marks, and the next commands; or all that as JSON."""
    if as_json:
        call.json(
            {
                "newsletter": newsletter,
                "written": list(plan.changes),
                "checks": checks,
                "doctor": marked,
                "next": [command for command, _ in _next_steps(newsletter)],
            }
        )
        return
    say = call.out.print
    written = [str(ENV_FILE)] if plan.changes else []
    written += [f"the newsletter “{newsletter}” in the database"] if newsletter else []
    say(f"\nSaved: {', and '.join(written) or 'nothing'}.", markup=False)
    if checks:
        say("\nTried:")
        print_checks(call, checks)
    if marked:
        say("\nWhat digest doctor found:")
        print_checks(call, marked)
    unfit = any(check.weight in UNFIT for check in (*checks, *marked))
    say("\nNext:" + (" fix everything marked NO (digest setup asks again), then:" if unfit else ""))
    for command, why in _next_steps(newsletter):
        say(f"  {command:<51} {why}", markup=False)
    by_smtp = bool(plan.answers.get("smtp_host"))
    say("Step by step: digest docs smtp" if by_smtp else "Screen by screen: digest docs first-send")


def _next_steps(newsletter: str | None) -> list[tuple[str, str]]:
    """Return the next commands, each with what it is for."""
    if newsletter is None:
        return [*_NEXT_STEPS]
    own = f"digest newsletters set {newsletter} --help"
    return [(own, "its language, length, ..."), *_NEXT_STEPS]
