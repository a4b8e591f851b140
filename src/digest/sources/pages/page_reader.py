"""In which order a page is tried: its data for programs, what it shows, and then it is refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from pydantic import TypeAdapter, ValidationError

from digest.comparisons.content_faults import errors_of, in_words, message_of, printable_key
from digest.comparisons.json_parser import parse_json
from digest.comparisons.loader import decode
from digest.comparisons.models import SourceForm
from digest.comparisons.page_parser import is_page, parse_page
from digest.comparisons.schema import ComparisonDraft, Url, draft_of
from digest.errors import ComparisonUnreadable
from digest.sources.pages.html_page import HtmlPage, read_html
from digest.sources.pages.json_ld import NoComparison, content_of_data
from digest.sources.pages.page_encoding import decoded, media_type

log = logging.getLogger(__name__)

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_ANY = "application/octet-stream"  # what servers say of files whose names tell them nothing
_URL: TypeAdapter[str] = TypeAdapter(Url)


def read_page(body: bytes, *, content_type: str, url: str) -> ComparisonDraft:
    """Return the comparison that a page says; raises `ComparisonUnreadable`.

    Of HTML the JSON-LD is read, and where that isn't a whole comparison, what the page shows; so
    it is where the JSON-LD has no panel share and what is shown can be read. Where it names no
    address of the full comparison, that is its canonical link, else its own address.
    """
    kind = _kind_of(body, content_type)
    if kind == "application/json" or kind.endswith("+json"):
        return parse_json(decode(body, source=url), source=url)
    if kind not in _HTML and kind != "text/plain":
        raise ComparisonUnreadable(
            f"this is {kind[:80]!r}; a comparison is published as HTML, JSON or plain text",
            source=url,
        )
    text = decoded(body, content_type=content_type, source=url)
    draft = parse_page(text, source=url) if kind == "text/plain" else _of_html(text, url)
    return draft if draft.url else draft.model_copy(update={"url": _address(url)})


def comparison_links(body: bytes, *, content_type: str, url: str) -> tuple[str, ...]:
    """Return the addresses of the same site that a page of HTML links to, in its order.

    At most 1,000, each once and without its fragment; none of any other content. Raises
    `ComparisonUnreadable` where the page can't be read at all.
    """
    if _kind_of(body, content_type) not in _HTML:
        return ()
    return read_html(decoded(body, content_type=content_type, source=url), url=url).links


def _kind_of(body: bytes, content_type: str) -> str:
    """Return the type that a page says; where it says none, the one of its first sign.

    JSON is told by its sign, too, where a server calls it plain text.
    """
    kind = media_type(content_type)
    sign = body[:200].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if kind in {"", "text/plain", _ANY} and sign == b"{":
        return "application/json"
    if kind not in {"", _ANY}:
        return kind
    return "text/html" if sign == b"<" else "text/plain"


def _of_html(html: str, url: str) -> ComparisonDraft:
    page = read_html(html, url=url)
    draft = _of_page(page, url)
    named = draft.url or _address(page.canonical)
    return draft if named == draft.url else draft.model_copy(update={"url": named})


def _of_page(page: HtmlPage, url: str) -> ComparisonDraft:
    if not page.data:
        return _of_text(page, url)
    try:
        draft = _of_data(page)
    except NoComparison as fault:
        log.info("%s is read from its text: its JSON-LD falls short: %s", url, fault)
        return _of_text(page, url, str(fault))
    if any(side.panel_share is not None for side in draft.contenders):
        return draft
    try:  # what is shown may say more than what search engines are told
        return _of_text(page, url)
    except ComparisonUnreadable:
        return draft


def _of_data(page: HtmlPage) -> ComparisonDraft:
    try:
        content = content_of_data(page.data)
        return draft_of(content, form=SourceForm.PAGE, source="\n".join(page.data))
    except ValidationError as fault:
        error = errors_of(fault)[0]
        where = in_words(error["loc"])
        raise NoComparison(
            f"{where}: {message_of(error)}" if where else message_of(error)
        ) from None


def _of_text(page: HtmlPage, url: str, shortfall: str = "") -> ComparisonDraft:
    refusals: list[ComparisonUnreadable] = []
    for text in _candidates(page):
        try:
            return parse_page(text, source=url)
        except ComparisonUnreadable as fault:
            refusals.append(_quoting(fault, text, shortfall))
    raise refusals[0]


def _candidates(page: HtmlPage) -> Iterator[str]:
    """Yield the parts that look like a comparison; the whole page where none does."""
    likely = [text for text in dict.fromkeys(page.texts) if is_page(text)]
    yield from likely or page.texts[-1:] or [""]


def _quoting(fault: ComparisonUnreadable, text: str, shortfall: str) -> ComparisonUnreadable:
    """Return a refusal with the words of its line, since nobody sees a page's lines numbered."""
    reason = fault.reason
    if fault.line:
        line = text.split("\n")[fault.line - 1]
        words = printable_key(line)
        reason = f"at “{words}{'…' if len(line) > len(words) else ''}”: {reason}"
    if shortfall:
        reason += f". Its JSON-LD falls short, too: {shortfall}"
    return ComparisonUnreadable(reason, line=fault.line, source=fault.source)


def _address(url: str) -> str | None:
    try:
        return _URL.validate_python(url)
    except ValidationError:
        return None
