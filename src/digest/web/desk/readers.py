"""Whom a mail is looked at as: made-up readers who are hard on a layout, or a real one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from digest.issues.view import IssueView


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Somebody a mail goes to; nothing of a reader's own but the address reaches the desk."""

    key: str
    name: str
    address: str
    votes: bool = True  #: whether anybody voted on what this reader is shown


MADE_UP = (
    Reader(key="any", name="Any reader", address="reader@example.org"),
    Reader(
        key="longest",
        name="Longest address",
        address=f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.example",
    ),
    Reader(key="rtl", name="Right to left", address="reader@xn--mgbh0fb.xn--kgbechtv"),
    Reader(key="no-votes", name="No votes yet", address="first@example.org", votes=False),
    Reader(key="topics", name="Every topic", address="everything@example.org"),
)


def made_up(key: str) -> Reader:
    """Return the made-up reader of that key, or just any."""
    return next((each for each in MADE_UP if each.key == key), MADE_UP[0])


def as_seen_by(view: IssueView, reader: Reader) -> IssueView:
    """Return the issue as that reader gets it."""
    if reader.votes:
        return view
    return replace(
        view,
        comparisons=tuple(
            replace(
                one,
                contenders=tuple(replace(each, community_share=None) for each in one.contenders),
            )
            for one in view.comparisons
        ),
    )
