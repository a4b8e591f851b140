"""Which quotes a mail shows: the sharpest for and against each side, and every dissent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from digest.comparisons.models import Call, Contender, Verdict
from digest.comparisons.score import split
from digest.errors import DigestError
from digest.issues.content.reviewer_calls import known_calls, presumed_calls
from digest.issues.content.standing import standing
from digest.issues.content.view import ContenderView, QuoteView
from digest.render.escaping import one_line, strip_unprintable
from digest.render.graphemes import graphemes, truncate
from subscribers.locale import translations

LIMIT = 240  #: characters of one quote in the mail
FEWEST_CALLS = 3  #: with two, each call differs from all others
_MAX_READ = 20_000  # characters of a quote that are looked at

_OPENING, _CLOSING = "\"'\u201c\u2018", "\"'\u201d\u2019"
_SENTENCE_END = re.compile(
    rf"""(?:(?<=[.!?…])|(?<=[.!?…][{_CLOSING})\]]))\s+(?=[{_OPENING}(\[]?[A-Z0-9])"""
)
_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_PAIRS = {"“”", '""', "«»", "„“"}
_ABBREVIATED = re.compile(r"\b(?:e\.g|i\.e|vs|etc|approx|Mr|Ms|Dr|Inc|No)\.$", re.IGNORECASE)
_REFERS_BACK = re.compile(r"(?:that|this|these|those|it|they|he|she|which)\b", re.IGNORECASE)
_WORD = re.compile(r"[\w'\u2019]+")
#: Words of judgement and of contrast, which mark a sentence that takes a stand.
_STANCE_LIST = (
    "actually bad best better beats bet betting brutal but can't cannot clear cost costs despite"
    " doesn't dead earns exactly fail fails fall falls genuinely good hard hate however isn't kill"
    " kills lose loses love moat must never no nobody not nothing only problem real right risk ship"
    " ships skip solved still strong too unless weak why win wins won't worse worst wrong yet"
)
_STANCE_WORDS = frozenset(_STANCE_LIST.split())


class BadQuote(DigestError):
    """These words can't be quoted."""


@dataclass(frozen=True, kw_only=True)
class QuoteChoice:
    """The verdict that an editor wants quoted in place of one that the engine would choose."""

    side: int  #: of the contender, 0 or 1
    seat: int
    passage: str = ""  #: a run of its words, exactly as they stand; empty for the sharpest


class Excerpt(NamedTuple):
    """A passage of a quote, and its score: more is sharper."""

    text: str
    score: float


@lru_cache(maxsize=512)  # a page is asked for again and again
def sharpest_passage(quote: str, limit: int = LIMIT) -> Excerpt:
    """Return the sharpest run of whole sentences within *limit* characters.

    A single sentence that is too long is cut after a word, never inside a grapheme, and ends in
    an ellipsis.
    """
    sentences = _sentences(shown_quote(quote[:_MAX_READ]))
    if not sentences:
        return Excerpt("", 0.0)
    best = max(range(len(sentences)), key=lambda at: (_passage_score(sentences[at], limit), -at))
    return Excerpt(
        truncate(" ".join(_with_context(sentences, best, limit)), limit), _score(sentences[best])
    )


def passage_of(quote: str, words: str) -> str:
    """Return *words*, a passage of a quote, with an ellipsis where it begins or ends in a sentence.

    Raises `BadQuote` where the quote hasn't these words in this order, and for more than `LIMIT`.
    """
    text, wanted = shown_quote(quote[:_MAX_READ]), shown_quote(words)
    wanted = wanted.strip(' …"“”„«»')  # as they are copied with the words
    if not wanted or _length(wanted) > LIMIT:
        raise BadQuote(f"a quote has 1 to {LIMIT} characters; this one has {_length(wanted)}")
    found = re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text)
    if found is None:
        raise BadQuote("these words aren't in the verdict; copy them exactly")
    opened, closed = _between_sentences(text, found.start()), _between_sentences(text, found.end())
    return f"{'' if opened else '… '}{wanted}{'' if closed else '…'}"


def _between_sentences(text: str, at: int) -> bool:
    before = _sentences(text[:at].strip())
    return _sentences(text)[: len(before)] == before


def shown_quote(quote: str) -> str:
    """Return a quote as it is shown, without outer quotation marks: the templates print their own.

    The backticks around code are gone too: nothing that shows a quote reads them as markup.
    """
    text = _CODE.sub(r"\1", " ".join(strip_unprintable(quote).split()))
    while len(text) > 1 and text[0] + text[-1] in _PAIRS:
        text = text[1:-1].strip()
    return text


def _sentences(text: str) -> list[str]:
    sentences: list[str] = []
    for part in _SENTENCE_END.split(text):
        if sentences and _ABBREVIATED.search(sentences[-1]):
            sentences[-1] += f" {part}"
        elif part:
            sentences.append(part)
    return sentences


def _with_context(sentences: list[str], best: int, limit: int) -> list[str]:
    """Return the best sentence with its context: the sentences after it, else before it."""
    run, length = [sentences[best]], _length(sentences[best])
    after, before = sentences[best + 1 :], sentences[:best]
    while length < limit // 2 and (after or before):
        forward = bool(after)
        other = after.pop(0) if forward else before.pop()
        length += 1 + _length(other)
        if length > limit:
            break
        run = [*run, other] if forward else [other, *run]
    return run


def _length(text: str) -> int:
    return sum(1 for _ in graphemes(text))


def _passage_score(sentence: str, limit: int) -> float:
    """Score a sentence; less when it would be cut or refers to the sentence before it."""
    fit = 1.0 if len(sentence) <= limit else 0.4
    return _score(sentence) * fit * (0.7 if _REFERS_BACK.match(sentence) else 1.0)


def _score(sentence: str) -> float:
    """Score a sentence by its share of words that take a stand; short sentences score higher."""
    words = [word.lower().replace("\u2019", "'") for word in _WORD.findall(sentence)]
    stances = sum(word in _STANCE_WORDS for word in words)
    return stances / (len(words) + 8) ** 0.6 if words else 0.0


_NAME = 80


@dataclass(frozen=True)
class _QuoteCandidate:
    side: int
    tool: ContenderView
    verdict: Verdict
    excerpt: Excerpt
    call: Call | None  #: known or presumed; decides which quotes are chosen
    known: Call | None  #: published, or certain from the share
    dissents: bool  #: the one call against all others on this tool
    chosen: bool = False  #: by an editor

    @property
    def rank(self) -> tuple[float, int, int]:
        return (self.excerpt.score, -self.verdict.seat, -self.side)


def choose_quotes(
    sides: Sequence[tuple[Contender, ContenderView]],
    seats: int,
    names: Mapping[int, str],
    choice: QuoteChoice | None = None,
) -> list[QuoteView]:
    """Return the quotes to show, those for shipping first; every dissent is among them.

    Where calls are known, one quote argues for the tool ahead, and one against the other; where
    they are presumed, each tool is quoted.
    Each side comes as it is stored and as it is shown; *names* has the reviewers' by seat. Calls
    presumed from the words choose quotes, and are never shown as calls. An editor's *choice* takes
    the place of the quote with the same call, or on the same tool; one that isn't there any more
    is passed over: see `missing_quote`.
    """
    quotes = [_as_chosen(quote, choice) for side in sides for quote in _candidates_of(*side, seats)]
    called = [quote for quote in quotes if quote.call is not None]
    ahead = _ahead(sides) if all(quote.known for quote in called) else None
    picked = _with_other_tool(_by_call(called, ahead), quotes) if called else _by_tool(quotes)
    return [_view(quote, names) for quote in sorted(picked, key=_shipping_first)]


def leading_quote(
    sides: Sequence[tuple[Contender, ContenderView]],
    seats: int,
    names: Mapping[int, str],
    seat: int,
) -> QuoteView | None:
    """Return the sharpest quote of one reviewer, a dissent first; ``None`` without any."""
    theirs = [
        quote
        for side in sides
        for quote in _candidates_of(*side, seats)
        if quote.verdict.seat == seat
    ]
    chosen = max(theirs, key=lambda quote: (quote.dissents, quote.rank), default=None)
    return None if chosen is None else _view(chosen, names)


def missing_quote(contenders: Sequence[Contender], choice: QuoteChoice) -> str:
    """Return what of an editor's choice isn't there, in words; empty where all of it is."""
    verdict = next(
        (
            verdict
            for contender in contenders
            for verdict in contender.verdicts
            if (contender.side, verdict.seat) == (choice.side, choice.seat)
        ),
        None,
    )
    if verdict is None or not verdict.quote.strip():
        return "there is no such verdict"
    try:
        if choice.passage:
            passage_of(verdict.quote, choice.passage)
    except BadQuote as fault:
        return str(fault)
    return ""


def _as_chosen(quote: _QuoteCandidate, choice: QuoteChoice | None) -> _QuoteCandidate:
    if choice is None or (quote.side, quote.verdict.seat) != (choice.side, choice.seat):
        return quote
    try:
        text = passage_of(quote.verdict.quote, choice.passage) if choice.passage else ""
    except BadQuote:  # the verdict was changed since; what it says now is quoted
        text = ""
    return replace(quote, excerpt=Excerpt(text or quote.excerpt.text, 0.0), chosen=True)


def _candidates_of(contender: Contender, tool: ContenderView, seats: int) -> list[_QuoteCandidate]:
    calls, known = presumed_calls(contender, seats), known_calls(contender, seats)
    dissenter = _dissenting_seat(contender, calls, seats)
    return [
        _QuoteCandidate(
            side=contender.side,
            tool=tool,
            verdict=verdict,
            excerpt=sharpest_passage(verdict.quote),
            call=calls.get(verdict.seat),
            known=known.get(verdict.seat),
            dissents=verdict.seat == dissenter,
        )
        for verdict in contender.verdicts
        if verdict.quote.strip()
    ]


def _dissenting_seat(contender: Contender, calls: Mapping[int, Call], seats: int) -> int | None:
    """Return the one seat whose call differs from all others, of three seats at least.

    Return ``None`` when a call is missing, or when the published share contradicts the calls.
    """
    if len(calls) < len(contender.verdicts) or len(calls) < FEWEST_CALLS:
        return None
    ships = [seat for seat, call in calls.items() if call is Call.SHIP]
    skips = [seat for seat, call in calls.items() if call is Call.SKIP]
    if split(contender.panel_share, seats) not in (None, (len(ships), len(skips))):
        return None
    return next((few[0] for few in (ships, skips) if len(few) == 1), None)


def _ahead(sides: Sequence[tuple[Contender, ContenderView]]) -> int | None:
    """Return the side that more of the panel would ship; ``None`` where that isn't known."""
    stands = standing([tool for _, tool in sides])
    if stands is None or stands.tie:
        return None
    return next(contender.side for contender, tool in sides if tool is stands.ahead)


def _by_call(quotes: Sequence[_QuoteCandidate], ahead: int | None) -> list[_QuoteCandidate]:
    picked = [quote for quote in quotes if quote.dissents or quote.chosen]
    for call in (Call.SHIP, Call.SKIP):
        with_call = [quote for quote in quotes if quote.call is call and quote not in picked]
        if ahead is not None:  # for the tool ahead, against the other one
            fit = [each for each in with_call if (each.side == ahead) is (call is Call.SHIP)]
            with_call = fit or with_call
        if with_call and not any(_answers(quote, call, ahead) for quote in picked):
            picked.append(_sharpest(with_call, picked))
    return picked


def _with_other_tool(
    picked: list[_QuoteCandidate], quotes: Sequence[_QuoteCandidate]
) -> list[_QuoteCandidate]:
    """Return quotes about both tools: the other one's takes the place of a presumed call."""
    others = [quote for quote in quotes if quote.side not in {each.side for each in picked}]
    fixed = [quote for quote in picked if quote.known or quote.dissents or quote.chosen]
    if not others or len(fixed) > 1:
        return picked
    kept = fixed or picked[:1]
    return [*kept, _sharpest(others, kept)]


def _answers(quote: _QuoteCandidate, call: Call, ahead: int | None) -> bool:
    """Return whether a quote speaks for a call; one voice for the tool behind isn't the panel's."""
    lone = quote.dissents and not quote.chosen and ahead not in (None, quote.side)
    return quote.call is call and not (lone and call is Call.SHIP)


def _by_tool(quotes: Sequence[_QuoteCandidate]) -> list[_QuoteCandidate]:
    picked = [quote for quote in quotes if quote.chosen]
    for side in sorted({quote.side for quote in quotes} - {quote.side for quote in picked}):
        picked.append(_sharpest([quote for quote in quotes if quote.side == side], picked))
    return picked


def _sharpest(
    candidates: Sequence[_QuoteCandidate], picked: Sequence[_QuoteCandidate]
) -> _QuoteCandidate:
    """Return the sharpest quote, preferring a tool, then a seat, not quoted yet."""
    seats = {quote.verdict.seat for quote in picked}
    sides = {quote.side for quote in picked}
    return max(
        candidates,
        key=lambda quote: (quote.side not in sides, quote.verdict.seat not in seats, quote.rank),
    )


def _shipping_first(quote: _QuoteCandidate) -> tuple[int, int]:
    return ([Call.SHIP, None, Call.SKIP].index(quote.call), quote.side)


def _view(quote: _QuoteCandidate, names: Mapping[int, str]) -> QuoteView:
    verdict, language = quote.verdict, quote.tool.language
    name, dissent = names.get(verdict.seat), quote.dissents and quote.known is not None
    return QuoteView(
        text=quote.excerpt.text,
        seat=verdict.seat,
        reviewer=name,
        about=quote.tool.name,
        byline=_byline(quote, name or reviewer_of_seat(verdict.seat, language), dissent=dissent),
        call=quote.known.value if quote.known else None,
        dissent=dissent,
        chosen=quote.chosen,
    )


def _byline(quote: _QuoteCandidate, reviewer: str, *, dissent: bool) -> str:
    words = translations(quote.tool.language)
    text = (
        {
            (Call.SHIP, False): words.gettext("%(reviewer)s would ship %(tool)s"),
            (Call.SKIP, False): words.gettext("%(reviewer)s would skip %(tool)s"),
            (Call.SHIP, True): words.gettext("%(reviewer)s, the only one to ship %(tool)s"),
            (Call.SKIP, True): words.gettext("%(reviewer)s, the only one to skip %(tool)s"),
        }[quote.known, dissent]
        if quote.known
        else words.gettext("%(reviewer)s on %(tool)s")
    )
    return text % {"reviewer": reviewer, "tool": quote.tool.short_name}


def reviewer_of_seat(seat: int, language: str) -> str:
    """Return what a reviewer without a published name is called: "Reviewer 2"."""
    return translations(language).gettext("Reviewer %(seat)s") % {"seat": seat}


def reviewer_names(contenders: Sequence[Contender]) -> dict[int, str]:
    """Return the published names of reviewers by seat, the left tool's first."""
    names: dict[int, str] = {}
    for contender in contenders:
        for verdict in contender.verdicts:
            if name := truncate(one_line(verdict.reviewer or ""), _NAME):
                names.setdefault(verdict.seat, name)
    return names
