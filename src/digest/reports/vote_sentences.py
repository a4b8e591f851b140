"""How votes are told to editors in words: who voted, what isn't counted and why, what scanned."""

from __future__ import annotations

from collections.abc import Mapping

from digest.reports.formatting import day, percent
from digest.votes import HeldReason, ScanNumbers, ScanSign, VoteCount, VoteNumbers

#: Why votes are held, for one vote and for several.
_HELD = {
    HeldReason.SCANNER: ("pressed by a scanner", "pressed by scanners"),
    HeldReason.UNDELIVERED: (
        "from a mail that isn't reported as delivered yet",
        "from mails that aren't reported as delivered yet",
    ),
    HeldReason.SUPPRESSED: ("from a suppressed address", "from suppressed addresses"),
    HeldReason.DISPOSABLE: ("from a throwaway address", "from throwaway addresses"),
    HeldReason.MAILBOX: (
        "from another spelling of a mailbox that voted",
        "from other spellings of mailboxes that voted",
    ),
    HeldReason.NETWORK: (
        "from one of many new addresses on one network",
        "from many new addresses on one network",
    ),
}
_SIGNS = {
    ScanSign.EARLY: "too soon after delivery",
    ScanSign.BURST: "several links at once",
    ScanSign.SWEEP: "link by link, as nobody reads",
    ScanSign.MACHINE: "by a client that is no browser",
    ScanSign.NETWORK: "from a known scanner's network",
}


def share_words(count: VoteCount) -> str:
    """Return the share that would ship: "71%"; a dash without a vote."""
    return percent(count.ships, count.votes, places=0)


def interval_words(count: VoteCount) -> str:
    """Return the 95 % interval of the share: "67–74%"; a dash without a vote."""
    if not count.votes:
        return "—"
    low, high = (f"{bound:.0f}" for bound in count.interval)
    return f"{low}–{high}%"


def published_words(share: float | None) -> str:
    """Return a share that a page states, as it does: "75%"; a dash where it states none."""
    return "—" if share is None else f"{share:g}%"


def turnout_words(votes: VoteNumbers) -> str:
    """Return how many voted since when, and how many votes were taken back."""
    if not (votes.turnout or votes.held or votes.taken_back):
        return "No votes yet."
    sentences = ["No vote counts yet."]
    if votes.turnout and votes.since:
        have = "reader has" if votes.turnout == 1 else "readers have"
        sentences = [f"{votes.turnout:,} {have} voted since {day(votes.since)}."]
    if votes.taken_back:
        were = "vote was" if votes.taken_back == 1 else "votes were"
        sentences.append(f"{votes.taken_back:,} {were} taken back.")
    return " ".join(sentences)


def held_lines(held: Mapping[HeldReason, int]) -> list[tuple[str, int]]:
    """Return why votes aren't counted, in words, with how many; the most first."""
    return [(_HELD[reason][number > 1], number) for reason, number in held.items()]


def held_words(held: Mapping[HeldReason, int]) -> str:
    """Return the sentence about votes that aren't counted; empty where there are none."""
    if not held:
        return ""
    total = sum(held.values())
    parts = ", ".join(f"{number:,} {why}" for why, number in held_lines(held))
    return f"{total:,} {'vote is' if total == 1 else 'votes are'} held: {parts}."


def scan_words(scans: ScanNumbers) -> str:
    """Return the sentence about copies that programs followed; empty where there are none."""
    if not scans.copies:
        return ""
    copies = "copy" if scans.copies == 1 else "copies"
    parts = "; ".join(f"{_SIGNS[sign]}: {number:,}" for sign, number in scans.signs.items())
    pressed = f" They pressed the button in {scans.pressed:,}." if scans.pressed else ""
    return f"Scanners followed the links in {scans.copies:,} {copies} ({parts}).{pressed}"
