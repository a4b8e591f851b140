"""What the points of a spam filter mean for a mail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from digest.render.lint.finding import Finding, error, warning

MOST, SPAM = 0.0, 5.0  # points


def spam_score(score: float, tests: Sequence[str]) -> Iterator[Finding]:
    """Warn of a mail with points, forbid one with `SPAM` points; *tests* names what counted."""
    if score <= MOST:
        return
    make = error if score >= SPAM else warning
    yield make(
        "spam-score",
        "html",
        f"SpamAssassin gives it {score:g} points: {'; '.join(tests) or 'it does not say why'}",
        "Change what it names.",
    )
