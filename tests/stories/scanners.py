"""The ways in which programs follow a mail's links to vote, as data: 46 patterns.

A moment is in seconds after delivery. A program that presses the button long after delivery, with a
browser's agent, once, from nowhere known and along with no other link, is none of them: nothing
tells it from a reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
OLD = "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1; Trident/7.0)"
NAMED = "Mozilla/5.0 (compatible; MailScanner; +https://scanner.example/about)"
LIBRARY, TRANSFER = "python-requests/2.32.3", "curl/8.5.0"
KNOWN_NETWORK = "203.0.113.0/24"  #: in the installation's file of scanners
_KNOWN, _SECOND = "203.0.113.77", "192.0.2.200"
SOON, HOUR, DAY = 4, 3_600, 86_400


class Fetch(NamedTuple):
    """One request of a program."""

    at: int
    path: str
    method: str = "GET"
    agent: str = BROWSER
    address: str = ""  #: where it comes from; the reader's own network if empty
    header: tuple[str, str] | None = None
    form: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class MailCopy:
    """One reader's copy of the mail."""

    reader: int
    address: str
    votes: Sequence[str]  #: paths of the links to vote, in the order of the mail
    others: Sequence[str]  #: paths of its other links that a person may follow
    network: str  #: the reader's own IP address


Fetches = Callable[[MailCopy], list[Fetch]]


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """One way to follow links."""

    name: str
    fetches: Fetches
    #: What may show it: "early" as well as another sign where the news of the delivery comes later
    #: than the visits. Empty where nothing does, and it looks like a reader who doesn't vote.
    signs: Sequence[str]
    browser: bool = field(default=False)  #: a browser opens the first link and presses a button


def _each(
    copy: MailCopy,
    at: int = SOON,
    step: int = 0,
    *,
    part: slice = slice(None),
    junk: str = "",
    **how: object,
) -> list[Fetch]:
    """Follow some links, each *step* seconds after the one before."""
    paths = list(copy.votes)[part]
    # The fields come by name.
    return [Fetch(at + n * step, path + junk, **how) for n, path in enumerate(paths)]  # type: ignore[arg-type]


def _first(copy: MailCopy, at: int = HOUR, **how: object) -> list[Fetch]:
    return _each(copy, at, part=slice(1), **how)  # type: ignore[arg-type]  # by name


def _press(copy: MailCopy, at: int, link: int = 0, **how: object) -> Fetch:
    """Press the button of the page that a link opens."""
    token, tool, call = copy.votes[link].rsplit("/", 2)
    # The fields come by name.
    return Fetch(at, token, "POST", form={f"tool-{tool}": call}, **how)  # type: ignore[arg-type]


def _announced(name: str, value: str) -> Fetches:
    return lambda copy: _first(copy, header=(name, value))


def _agent(agent: str) -> Fetches:
    return lambda copy: _each(copy, HOUR, agent=agent)


def _both(*parts: Fetches) -> Fetches:
    return lambda copy: [fetch for part in parts for fetch in part(copy)]


def _mangled(change: Callable[[str], str]) -> Fetches:
    """Follow every link with its token changed."""

    def fetches(copy: MailCopy) -> list[Fetch]:
        parts = [path.split("/") for path in copy.votes]
        return [Fetch(SOON, "/".join(["", "v", change(p[2]), *p[3:]])) for p in parts]

    return fetches


def _presses(at: int, step: int = 0, links: int = 99, **how: object) -> Fetches:
    return lambda copy: [
        _press(copy, at + n * step, n, **how) for n in range(min(links, len(copy.votes)))
    ]


def _opened_and_pressed(copy: MailCopy) -> list[Fetch]:
    """Open and press link by link, 15 seconds apart, an hour after delivery."""
    return [
        fetch
        for n, path in enumerate(copy.votes)
        for fetch in (Fetch(HOUR + 15 * n, path), _press(copy, HOUR + 15 * n + 1, n))
    ]


_LOOKS: Mapping[str, tuple[str, Fetches]] = {
    "every link at once": ("burst early", _each),
    "every link, a second apart": ("burst early", partial(_each, step=1)),
    "every link, three seconds apart": ("sweep early", partial(_each, step=3)),
    "every link, ten seconds apart, an hour later": ("sweep", partial(_each, at=HOUR, step=10)),
    "every link at once, an hour later": ("burst", partial(_each, at=HOUR)),
    "every link at once, a day later": ("burst", partial(_each, at=DAY)),
    "every link backwards": ("burst early", partial(_each, part=slice(None, None, -1))),
    "every link twice": ("burst early", _both(_each, _each)),
    "every ship link, two seconds apart, an hour later": (
        "burst",
        partial(_each, at=HOUR, step=2, part=slice(0, None, 2)),
    ),
    "the links of one comparison, four seconds apart, an hour later": (
        "sweep",
        partial(_each, at=HOUR, step=4, part=slice(4)),
    ),
    "every link of the mail": (
        "burst early",
        lambda copy: [*_each(copy), *(Fetch(SOON, path) for path in copy.others)],
    ),
    "HEAD of every link": ("machine early", partial(_each, method="HEAD")),
    "HEAD, then GET": (
        "machine early",
        _both(partial(_each, method="HEAD"), partial(_each, at=SOON + 1)),
    ),
    "HEAD of one link, an hour later": ("machine", partial(_first, method="HEAD")),
    "the first link right after delivery": ("early", partial(_first, at=SOON)),
    "the last link right after delivery": ("early", partial(_each, part=slice(-1, None))),
    "one link before the mail was delivered": ("early", partial(_first, at=-2)),
    "one link, an hour later": ("", _first),
    "two links at once, an hour later": ("", partial(_each, at=HOUR, part=slice(2))),
    "a sandbox twice, an hour apart": ("burst early", _both(_each, partial(_each, at=HOUR))),
    "two sandboxes at once": ("burst early", _both(_each, partial(_each, address=_SECOND))),
    "Purpose: prefetch": ("machine", _announced("purpose", "prefetch")),
    "Sec-Purpose: prefetch": ("machine", _announced("sec-purpose", "prefetch")),
    "Sec-Purpose: prefetch;prerender": (
        "machine",
        _announced("sec-purpose", "prefetch;prerender"),
    ),
    "X-Purpose: preview": ("machine", _announced("x-purpose", "preview")),
    "X-Moz: prefetch": ("machine", _announced("x-moz", "prefetch")),
    "the agent of a library": ("machine", partial(_first, agent=LIBRARY)),
    "the agent of a transfer tool": ("machine", partial(_first, agent=TRANSFER)),
    "no agent": ("machine", partial(_first, agent="")),
    "a scanner's agent that says Mozilla": ("machine", partial(_first, agent=NAMED)),
    "an old browser's agent": ("burst", _agent(OLD)),
    "a phone's agent": ("burst", _agent(PHONE)),
    "from a known network, a day later": ("network", partial(_first, at=DAY, address=_KNOWN)),
    "every link with a query appended": (
        "burst early",
        partial(_each, junk="?utm_source=scan&x=%00"),
    ),
    "every link with its token in capitals": ("", _mangled(str.upper)),
    "every link with its token cut short": ("", _mangled(lambda token: token[:-3])),
    "the pages without a choice": (
        "early",
        lambda copy: [Fetch(SOON, path.rsplit("/", 2)[0]) for path in copy.votes],
    ),
}
_PRESSES: Mapping[str, tuple[str, Fetches]] = {
    "opens each page and presses, right after delivery": (
        "burst early",
        _both(_each, _presses(SOON)),
    ),
    "presses without a look, right after delivery": ("early", _presses(SOON)),
    "presses before the mail was delivered": ("early", _presses(-2, links=1)),
    "presses one button thrice": ("early", _both(*(_presses(SOON + n, links=1) for n in range(3)))),
    "opens every link and presses, an hour later": (
        "burst",
        _both(partial(_each, at=HOUR), _presses(HOUR + 1)),
    ),
    "opens and presses link by link, an hour later": ("sweep", _opened_and_pressed),
    "presses with the agent of a library, an hour later": (
        "machine",
        _presses(HOUR, links=1, agent=LIBRARY),
    ),
    "presses from a known network, a day later": (
        "network",
        _presses(DAY, links=1, address=_KNOWN),
    ),
}
PATTERNS = [
    *(
        Pattern(name=name, signs=signs.split(), fetches=made)
        for name, (signs, made) in {**_LOOKS, **_PRESSES}.items()
    ),
    Pattern(
        name="a browser that runs scripts and presses the first button",
        signs=["early"],
        fetches=lambda copy: _first(copy, at=SOON),
        browser=True,
    ),
]
