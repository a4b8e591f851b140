"""What of a newsletter editors may set, which values each setting takes, and when it may end.

A setting's value comes as text, from an option of a command or a field of a form, or as the type it
is stored as. The schedule is set elsewhere (`digest.issues.calendar`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlmodel import Session, col, select

from digest import images
from digest.errors import DigestError, WrongState
from digest.issues import store
from digest.issues.models import Issue, IssueState, Newsletter, Tracking, WhenEmpty
from digest.issues.picking import PickPoints
from digest.render.accent import BadColour, parse_accent
from digest.render.brand import Font, LogoView, logo_view
from subscribers.address import parse_named
from subscribers.locale import LANGUAGES

MOST = 8  #: comparisons an issue may be allowed; more would pass the weight at which Gmail clips
LONGEST_REST = 52  #: issues for which a tool may rest
MOST_POINTS = 100
MOST_APPROVALS = 2  #: people who may have to approve an issue
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_SLUG_LENGTH, _NAME_LENGTH, _TEXT_LENGTH, _MAILBOX_LENGTH = 64, 200, 500, 400
_NOT_IN_NAMES = frozenset(",;")  # that SendGrid refuses in a mailbox's name
_HALF_SENT = (IssueState.PREPARED, IssueState.PAUSED)


class BadNewsletter(DigestError):
    """A newsletter's settings can't be as they were given.

    *faults* says what is wrong, by the name of the setting.
    """

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in faults.items()))
        self.faults = MappingProxyType(dict(faults))


@dataclass(frozen=True, kw_only=True)
class NewsletterSettings:
    """Everything of a newsletter that `change` sets, by the names it is set by."""

    name: str
    description: str = ""
    language: str = "en"
    sender: str = ""  #: Name <address>; empty where DIGEST_FROM counts
    reply_to: str = ""  #: Name <address>; empty where DIGEST_REPLY_TO counts
    postal_address: str = ""  #: line by line; empty where DIGEST_POSTAL_ADDRESS counts
    fewest: int = 1  #: comparisons; a period with fewer new ones counts as empty
    most: int = 5
    no_repeat: int = 2  #: number of issues for which a tool rests
    weight: float = PickPoints.weight  #: points of the pick, as the next four
    freshness: float = PickPoints.freshness
    split: float = PickPoints.split
    variety: float = PickPoints.variety
    gap: float = PickPoints.gap
    when_empty: WhenEmpty = WhenEmpty.SKIP
    accent: str = ""  #: "#2744c4"; empty for the design's own
    logo: str | None = None  #: key of a stored image
    logo_alt: str = ""  #: what the logo is in words; empty for the name
    font: Font = Font.CLASSIC
    utm: bool = False  #: tags for web statistics on the links to what it compares
    tracking: Tracking = Tracking.OFF
    public: bool = True
    approvals: int = 1  #: how many different people have to approve an issue


POINTS = tuple(field.name for field in fields(PickPoints))
_COLUMNS = {
    "fewest": "min_per_issue",
    "most": "max_per_issue",
    "approvals": "approvals_needed",
}


def settings_of(newsletter: Newsletter) -> NewsletterSettings:
    """Return the settings of a newsletter as they are stored."""
    points = asdict(PickPoints(**newsletter.points))
    names = [field.name for field in fields(NewsletterSettings) if field.name not in POINTS]
    stored = {name: getattr(newsletter, _COLUMNS.get(name, name)) for name in names}
    return NewsletterSettings(**{**stored, **points})


def create(session: Session, slug: str, given: Mapping[str, object]) -> Newsletter:
    """Add a newsletter with the settings in *given*, of which ``name`` is needed; return its row.

    The caller commits. Raises `BadNewsletter`.
    """
    faults = {"slug": fault} if (fault := _slug_fault(session, slug)) else {}
    if "name" not in given:
        faults["name"] = "a newsletter has a name"
    newsletter = Newsletter(slug=slug, name="")
    values = _parse(session, given, faults)
    _set(newsletter, _checked(newsletter, values, faults))
    session.add(newsletter)
    session.flush()
    return newsletter


def change(session: Session, newsletter: Newsletter, given: Mapping[str, object]) -> list[str]:
    """Set what *given* holds, and return the names of the settings that differ from before.

    An empty sender, reply-to, postal address, logo or accent restores the default. An issue that
    is built keeps what it was built with. The caller commits. Raises `BadNewsletter`.
    """
    before = asdict(settings_of(newsletter))
    faults: dict[str, str] = {}
    values = _parse(session, given, faults)
    _set(newsletter, _checked(newsletter, values, faults))
    session.add(newsletter)
    after = asdict(settings_of(newsletter))
    return [name for name in after if after[name] != before[name]]


def archive(session: Session, newsletter: Newsletter, now: datetime) -> bool:
    """End a newsletter: no issue is built or sent, and nobody signs up; its pages stay.

    Return whether that changed anything; the caller commits. Raises `WrongState` while an issue is
    half sent.
    """
    session.flush()
    session.refresh(newsletter, with_for_update=True)  # planning an issue waits for it
    for issue in _half_sent(session, newsletter):
        raise WrongState(
            f"issue {issue.number} of {newsletter.slug} is half sent: finish or cancel it first",
            next_step=f"digest send {issue.number}, or digest cancel {issue.number}"
            f" (--newsletter {newsletter.slug})",
        )
    if newsletter.archived_at is not None:
        return False
    newsletter.archived_at = now
    session.add(newsletter)
    return True


def reopen(session: Session, newsletter: Newsletter, now: datetime) -> bool:
    """Undo `archive`; return whether that changed anything. The caller commits.

    Moments that passed meanwhile aren't made up for.
    """
    if newsletter.archived_at is None:
        return False
    newsletter.archived_at, newsletter.scheduled_since = None, now
    session.add(newsletter)
    return True


def require_running(session: Session, newsletter: Newsletter) -> None:
    """Raise `WrongState` for an archived newsletter; else `archive` waits until the commit."""
    session.flush()
    session.refresh(newsletter, with_for_update={"read": True})
    if newsletter.archived_at is not None:
        raise WrongState(
            f"{newsletter.slug} is archived: it builds and sends nothing",
            next_step=f"digest newsletters archive {newsletter.slug} --undo",
        )


def logo_of(session: Session, newsletter: Newsletter, base_url: str = "") -> LogoView | None:
    """Return a newsletter's logo on the site at *base_url*; ``None`` where it has none."""
    image = images.find(session, newsletter.logo) if newsletter.logo else None
    if image is None:
        return None
    alt = newsletter.logo_alt or newsletter.name
    return logo_view(images.url_of(base_url, image), (image.width, image.height), alt)


def _half_sent(session: Session, newsletter: Newsletter) -> Sequence[Issue]:
    states = col(Issue.state).in_(_HALF_SENT)
    return session.exec(select(Issue).where(Issue.newsletter_id == newsletter.id, states)).all()


def _slug_fault(session: Session, slug: str) -> str:
    if not _SLUG.match(slug) or len(slug) > _SLUG_LENGTH:
        return (
            "it stands in links, so it has small letters, digits and single hyphens, such as"
            f" tools-of-the-trade; at most {_SLUG_LENGTH} of them"
        )
    taken = slug in {newsletter.slug for newsletter in store.newsletters(session)}
    return f"there is a newsletter {slug} already" if taken else ""


def _parse(session: Session, given: Mapping[str, object], faults: dict[str, str]) -> dict[str, Any]:
    """Return the parsed values; add a fault for each that isn't allowed."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        parse = _PARSERS.get(name)
        if parse is None:
            faults[name] = f"there is no such setting; there are {', '.join(_PARSERS)}"
            continue
        try:
            values[name] = parse(str(value).strip())
        except (ValueError, BadColour) as fault:
            faults[name] = str(fault)
    if values.get("logo") and images.find(session, values["logo"]) is None:
        faults["logo"] = "there is no such image: add its file again"
    return values


def _checked(
    newsletter: Newsletter, values: dict[str, Any], faults: dict[str, str]
) -> dict[str, Any]:
    """Return *values*; raises `BadNewsletter` for *faults*, and for more at least than at most."""
    fewest = values.get("fewest", newsletter.min_per_issue)
    most = values.get("most", newsletter.max_per_issue)
    if fewest > most and not {"fewest", "most"} & faults.keys():
        name = "fewest" if "fewest" in values else "most"
        faults[name] = f"an issue can't have at least {fewest} comparisons and at most {most}"
    if faults:
        raise BadNewsletter(faults)
    return values


def _set(newsletter: Newsletter, values: Mapping[str, Any]) -> None:
    points = {name: values[name] for name in POINTS if name in values}
    if points:
        usual = asdict(PickPoints())
        merged = {**newsletter.points, **points}
        newsletter.points = {name: n for name, n in merged.items() if n != usual[name]}
    for name in values.keys() - points.keys():
        setattr(newsletter, _COLUMNS.get(name, name), values[name])


def _line(text: str, longest: int) -> str:
    if not text.isprintable() or len(text) > longest:
        raise ValueError(f"it is one line of at most {longest} characters")
    return text


def _name(text: str) -> str:
    if not text:
        raise ValueError("a newsletter has a name")
    return _line(text, _NAME_LENGTH)


def _description(text: str) -> str:
    return _line(" ".join(text.split()), _TEXT_LENGTH)


def _language(text: str) -> str:
    if text.partition("-")[0].lower() not in LANGUAGES or not re.fullmatch(r"[\w-]{2,16}", text):
        raise ValueError(f"it is one of {', '.join(LANGUAGES)}")
    return text


def _mailbox(text: str) -> str:
    named = parse_named(text) if len(text) <= _MAILBOX_LENGTH else None
    if text and (named is None or set(named[0]) & _NOT_IN_NAMES):
        raise ValueError(
            "it is one address, such as Tools of the Trade <tools@example.com>, and its name has no"
            " comma or semicolon"
        )
    return text


def _postal_address(text: str) -> str:
    lines = [line.strip() for line in text.replace("\\n", "\n").splitlines() if line.strip()]
    if not all(line.isprintable() for line in lines) or len(text) > _TEXT_LENGTH:
        raise ValueError(f"it is some lines of at most {_TEXT_LENGTH} characters together")
    return "\n".join(lines)


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= most):
            raise ValueError(f"it is a whole number from {least} to {most}")
        return int(text)

    return parse


def _points(text: str) -> float:
    if not re.fullmatch(r"\d{1,3}(\.\d{1,2})?", text, re.ASCII) or float(text) > MOST_POINTS:
        raise ValueError(f"it is a number from 0 to {MOST_POINTS}, such as 7.5")
    return float(text)


def _one_of(words: type[StrEnum]) -> Callable[[str], StrEnum]:
    def parse(text: str) -> StrEnum:
        if text not in list(words):
            raise ValueError(f"it is one of {', '.join(words)}")
        return words(text)

    return parse


def _yes_or_no(text: str) -> bool:
    words = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
    if text.lower() not in words:
        raise ValueError("it is yes or no")
    return words[text.lower()]


_PARSERS: dict[str, Callable[[str], Any]] = {
    "name": _name,
    "description": _description,
    "language": _language,
    "sender": _mailbox,
    "reply_to": _mailbox,
    "postal_address": _postal_address,
    "fewest": _whole(1, MOST),
    "most": _whole(1, MOST),
    "no_repeat": _whole(0, LONGEST_REST),
    **dict.fromkeys(POINTS, _points),
    "when_empty": _one_of(WhenEmpty),
    "accent": lambda text: parse_accent(text) if text else "",
    "logo": lambda text: text or None,
    "logo_alt": lambda text: _line(text, _NAME_LENGTH),
    "font": _one_of(Font),
    "utm": _yes_or_no,
    "tracking": _one_of(Tracking),
    "public": _yes_or_no,
    "approvals": _whole(1, MOST_APPROVALS),
}
