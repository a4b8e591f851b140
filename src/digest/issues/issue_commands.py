"""How a command names an issue: by its number, and by its newsletter where numbers aren't enough.

Every newsletter counts its issues from 1, so a number alone means another newsletter's issue.
"""

from __future__ import annotations

from sqlalchemy.orm import object_session
from sqlmodel import Session

from digest.issues import store
from digest.issues.models import Issue, Newsletter


def named(issue: Issue) -> str:
    """Return an issue as commands take it: "3", or "3 --newsletter tools-of-the-trade"."""
    session = object_session(issue)
    newsletter = session.get_one(Newsletter, issue.newsletter_id) if session else None
    return f"{issue.number}{option_of(newsletter)}"


def option_of(newsletter: Newsletter | None) -> str:
    """Return the option that names a newsletter; empty where commands take it without one."""
    session = object_session(newsletter) if newsletter else None
    if newsletter is None or not isinstance(session, Session) or newsletter.slug == store.USUAL:
        return ""
    return f" --newsletter {newsletter.slug}" if len(store.newsletters(session)) > 1 else ""


def repeated(number: int, newsletter: str) -> str:
    """Return an issue as a command just took it, with the newsletter unless it is `store.USUAL`."""
    return f"{number}" + ("" if newsletter == store.USUAL else f" --newsletter {newsletter}")


def build_again(issue: Issue) -> str:
    """Return the command that builds an issue anew that isn't sent."""
    session = object_session(issue)
    option = option_of(session.get_one(Newsletter, issue.newsletter_id) if session else None)
    if issue.corrected_number is not None:
        return f"digest correct {issue.corrected_number}{option} --again"
    return f"digest build --period {issue.period}{option} --again"


def build_anew(issue: Issue) -> str:
    """Return the command that builds another issue for the week of one that is cancelled."""
    return build_again(issue).removesuffix(" --again")
