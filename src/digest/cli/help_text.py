"""What a person reads of a command without running it: its help, and what was wrong with a call.

Hides the layout of both, and Typer's and pydantic's own words. Lines are divided between words at
any width; a narrow terminal gets each explanation below what it explains.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from inspect import cleandoc
from shutil import get_terminal_size
from textwrap import wrap
from typing import Any, NamedTuple

import typer

WIDEST = 80  #: columns; longer lines are hard to read
NARROW = 60  #: columns; below that an explanation has no room beside what it explains
HELP_OPTION = "-h, --help"
#: Typer exports no name for the error of a wrong call.
UsageError: Any = typer.BadParameter.__base__


class Section(NamedTuple):
    """A heading with what stands under it: each entry with its explanation."""

    heading: str
    entries: Sequence[tuple[str, str]]


class HelpContext(typer.Context):
    """A command's context that prints our help, for the option ``--help`` too."""

    def get_help(self) -> str:
        """Return the help of the context's command."""
        return help_of(self.command, self.command_path, help_width())


def help_width() -> int:
    """Return how many columns help may take on this terminal."""
    return min(get_terminal_size().columns, WIDEST)


def explain(command: Any) -> Any:
    """Return *command*, which prints our help from now on, as its subcommands do."""
    command.context_class = HelpContext
    for subcommand in subcommands(command).values():
        explain(subcommand)
    return command


def subcommands(command: Any) -> dict[str, Any]:
    """Return the commands in a group by name; none for a command."""
    return getattr(command, "commands", {})


def help_of(command: Any, path: str, width: int) -> str:
    """Return a command's help, in lines of up to *width* columns; *path* is how it is called."""
    head = wrap(f"Usage: {usage_of(command, path)}", width, subsequent_indent="  ")
    paragraphs = cleandoc(command.help or "").replace("\b", "").split("\n\n")
    blocks = ["\n".join(head), *("\n".join(wrap(text, width)) for text in paragraphs)]
    blocks += ["\n".join(_section(section, width)) for section in sections_of(command)]
    return "\n\n".join(blocks)


def usage_of(command: Any, path: str) -> str:
    """Return how a command is called: its path, and its arguments in their order."""
    arguments = [_argument(parameter) for parameter in _shown(command, "argument")]
    last = ["COMMAND", "[ARGUMENT]..."] if subcommands(command) else []
    return " ".join([path, "[OPTION]...", *arguments, *last])


def sections_of(command: Any) -> list[Section]:
    """Return the arguments, options and subcommands of a command, each with its explanation."""
    groups: dict[str, Sequence[str]] = getattr(command, "groups", {})
    known = subcommands(command)
    sections = [
        Section("Arguments", [_entry(parameter) for parameter in _shown(command, "argument")]),
        *(
            Section(heading, [(name, _line(known[name])) for name in names if name in known])
            for heading, names in (groups or {"Commands": [*known]}).items()
        ),
        Section(
            "Options",
            [*map(_entry, _shown(command, "option")), (HELP_OPTION, "Show this help and exit.")],
        ),
    ]
    return [section for section in sections if section.entries]


def _shown(command: Any, kind: str) -> Iterator[Any]:
    for parameter in command.params:
        if parameter.param_type_name == kind and not getattr(parameter, "hidden", False):
            yield parameter


def _argument(parameter: Any) -> str:
    word = _value(parameter)
    if parameter.nargs == -1 and not word.endswith("..."):
        word += "..."
    return word if parameter.required or word.startswith("[") else f"[{word}]"


def _entry(parameter: Any) -> tuple[str, str]:
    names, note = _argument(parameter), ""
    if parameter.param_type_name == "option":
        names = ", ".join(sorted(parameter.opts, key=len))
        if parameter.secondary_opts:
            names += f" or {', '.join(parameter.secondary_opts)}"
        elif not parameter.is_flag:
            names += f" {_value(parameter)}"
        note = _default(parameter)
    elif parameter.nargs == 1 and not parameter.required:
        note = _default(parameter)
    return names, " ".join(
        part for part in (" ".join((parameter.help or "").split()), note) if part
    )


def _value(parameter: Any) -> str:
    """Return the word that stands for a value: the one set, the choices, or the name."""
    kind = getattr(parameter, "type_descriptor", None) or parameter.type  # in earlier versions
    choices = getattr(kind, "choices", None)
    if choices and not parameter.metavar and parameter.param_type_name == "option":
        return "|".join(map(str, choices))
    return str(parameter.metavar or parameter.name.upper().replace("_", "-").strip("-"))


def _default(parameter: Any) -> str:
    if parameter.required:
        return "[required]"
    default = parameter.default
    if (
        default in (None, "", False, (), [])
        or callable(default)
        or getattr(parameter, "is_flag", False)
    ):
        return ""
    return f"[default: {default}]"


def _line(command: Any) -> str:
    return cleandoc(command.help or "").partition("\n\n")[0].replace("\n", " ")


def _section(section: Section, width: int) -> Iterator[str]:
    yield f"{section.heading}:"
    beside = min(max(len(name) for name, _ in section.entries), 26) + 4
    if width < NARROW:
        beside = 6
    for name, text in section.entries:
        lines = wrap(text, width - beside)
        if width >= NARROW and len(name) <= beside - 4:
            first = lines.pop(0) if lines else ""
            yield f"  {name:<{beside - 2}}{first}".rstrip()
        else:
            yield f"  {name}"
        yield from (f"{'':<{beside}}{line}" for line in lines)


def print_usage_error(fault: Any) -> None:
    """Print what is wrong with a call, and what is next; for a bare group print its help."""
    if type(fault).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(f"{fault.ctx.get_help()}\n")
        return
    command = fault.ctx.command_path if fault.ctx else "digest"
    print_fault(wrong_call(fault), f"{command} --help")


def print_fault(message: str, next_step: str | None) -> None:
    """Print what went wrong and what to do next; on a terminal divided between words."""
    lines = [f"digest: {message}", *([f"  next: {next_step}"] if next_step else [])]
    if sys.stderr.isatty():
        width = get_terminal_size().columns
        lines = [part for line in lines for part in _between_words(line, width)]
    sys.stderr.write("".join(f"{line}\n" for line in lines))


def _between_words(line: str, width: int) -> list[str]:
    """Return the parts of *line*; no word is divided, so that commands and paths can be copied."""
    return wrap(
        line, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


def wrong_call(fault: Any) -> str:
    """Return what is wrong with a call, in one line."""
    errors = getattr(fault.__cause__, "errors", None)  # pydantic's, where Typer parses with it
    if errors is not None:
        fault.message = "; ".join(_value_fault(error) for error in errors(include_url=False))
    words = " ".join(fault.format_message().split()).rstrip(".")
    for theirs, ours in _OUR_WORDS:
        words = re.sub(theirs, ours, words)
    return words


#: Typer's messages as patterns, and what they become.
_OUR_WORDS = (
    (r"^Got unexpected extra arguments?(\(s\))? \((.*)\)$", r"unexpected argument: \2"),
    (r"^Option '(.*)' requires an argument$", r"\1 needs a value after it"),
    (r"^Missing \w+ '(.*?)'\.?", r"\1 is missing;"),
    (r"^Missing command$", "a command is missing"),
    (r"^No such (option|command)\b:?", r"there is no \1"),
    (r"\. Did you mean", "; did you mean"),
    (r" \(Possible options: (.*)\)$", r"; did you mean \1?"),
    (r"^Invalid value: ", ""),
    (r"^Invalid value for '?(.*?)'?: must ", r"\1 must "),
    (r"^Invalid value for '?(.*?)'?: ", r"\1: "),
    (r";$", ""),
    (r"; Choose from:", "; choose one of:"),
)


def _value_fault(error: Any) -> str:
    """Return one fault that pydantic found in a value; a choice's fault is Typer's own text."""
    limits = error.get("ctx", {})
    match error["type"]:
        case "int_parsing" | "int_from_float" | "int_parsing_size":
            return "must be a whole number"
        case "float_parsing":
            return "must be a number"
        case "greater_than_equal":
            return f"must be at least {limits['ge']:,}"
        case "less_than_equal":
            return f"must be at most {limits['le']:,}"
        case _:
            return str(error["msg"]).removeprefix("Value error, ")
