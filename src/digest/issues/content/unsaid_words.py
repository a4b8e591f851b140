"""What a mail has to say and doesn't: an installation's own templates may be older than the engine.

Words are found by their letters and digits, whatever tags, lines and entities stand between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from digest.issues.content.view import IssueView
from digest.render.lint import Finding, Place, error, warning
from digest.render.rendered import Rendered
from digest.render.rich_text import RichText

_TAG = re.compile(r"<[^>]*>")


def unsaid(view: IssueView, mail: Rendered) -> Iterator[Finding]:
    """Yield a finding for each part of a mail without words that its issue has to say.

    What a correction corrects has to be said, or the mail mustn't go; what editors wrote, and what
    has changed since earlier issues, is worth a warning.
    """
    if view.correction is not None or view.changed or _written(view):
        html = _letters(unescape(_TAG.sub("", mail.html)))
        told: dict[Place, str] = {"html": html, "text": _letters(mail.text)}
        yield from _correction(view, told)
        yield from _changes(view, told)
        yield from _editors(view, told)


def _correction(view: IssueView, told: dict[Place, str]) -> Iterator[Finding]:
    if view.correction is None:
        return
    changes = view.correction.changes
    words = [view.correction.why, *(text for each in changes for text in (each.what, each.now))]
    for place, letters in told.items():
        missing = [text for text in words if _letters(text) not in letters]
        if missing:
            yield error(
                "correction-unsaid",
                place,
                f"it doesn't say what was wrong: {missing[0]}",
                "Take partials/correction.mjml, and what issue.mjml and issue.txt say of"
                " issue.correction, from the shipped templates.",
            )


def _changes(view: IssueView, told: dict[Place, str]) -> Iterator[Finding]:
    for place, letters in told.items():
        for each in view.changed:
            if not all(_letters(text) in letters for text in each.sentences):
                yield warning(
                    "changes-unsaid",
                    place,
                    f"it doesn't tell what has changed in {each.title}",
                    "Take partials/changed.mjml, and what issue.mjml and issue.txt say of"
                    " issue.changed, from the shipped templates.",
                )


def _editors(view: IssueView, told: dict[Place, str]) -> Iterator[Finding]:
    for place, letters in told.items():
        for what, words in _written(view):
            if _letters(words.plain if place == "html" else words.text) not in letters:
                yield warning(
                    "words-unsaid",
                    place,
                    f"it doesn't show what an editor wrote: {what}",
                    "Take issue.mjml, issue.txt and their partials from the shipped templates.",
                )


def _written(view: IssueView) -> list[tuple[str, RichText]]:
    """Return what editors wrote, each with its name."""
    notes = [(f"the note on {one.title}", one.words_of_editor) for one in view.comparisons]
    blocks = [("a block", block.text) for block in (*view.before, *view.after)]
    every = [("the opening", view.opening_text), *notes, *blocks]
    return [(what, words) for what, words in every if words is not None]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
