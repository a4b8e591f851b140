"""What a newsletter's own settings add to the finished view of an issue: its logo."""

from __future__ import annotations

from dataclasses import replace

from digest.issues.content.view import IssueView
from digest.render.brand import LogoView


def branded(view: IssueView, logo: LogoView | None) -> IssueView:
    """Return a view, editors' words and all, as it is rendered."""
    return replace(view, logo=logo)
