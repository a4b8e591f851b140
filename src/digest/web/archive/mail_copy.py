"""Make a frozen mail public: its readers' own links lead to a page that explains them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape

from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG, vote_tag

_IN_URL = r"[^\s\"'<>]"
_VOTE = vote_tag(0).replace("0", r"(\d+)")
_READERS_LINK = re.compile(
    rf"(?:https?://{_IN_URL}+)?(?:{UNSUBSCRIBE_TAG}|{PREFERENCES_TAG}|{_VOTE}{_IN_URL}*)"
)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_ANCHOR = re.compile(r"<a\b[^>]*?\bhref=([\"'])(.*?)\1[^>]*>.*?</a>", re.IGNORECASE | re.DOTALL)


def public_html(
    html: str, own_links: str, *, voting: Sequence[str] = (), target: str = "_top"
) -> str:
    """Return a frozen mail's HTML for every visitor: a reader's own links lead to *own_links*.

    *html* holds the tags that stand for readers' tokens; *voting* has where anybody votes on each
    comparison, for the links to vote. A ``base`` element opens links in *target*, by default the
    whole window, since the mail is shown in a frame.
    """

    def shared_link(link: re.Match[str]) -> str:
        position = int(link[1] or 0)
        return voting[position - 1] if 0 < position <= len(voting) else own_links

    shared = _READERS_LINK.sub(shared_link, html)
    return _HEAD.sub(lambda head: f'{head[0]}<base target="{target}">', shared, count=1)


def without_own_navigation(html: str, own_links: str, page: str) -> str:
    """Return a mail of `public_html` without the links to *own_links* and to its own *page*.

    On a page of the site they would lead to an apology, and to where the visitor is.
    """

    def kept(link: re.Match[str]) -> str:
        target = unescape(link[2])
        return "" if target == own_links or target.endswith(page) else link[0]

    return _ANCHOR.sub(kept, html)
