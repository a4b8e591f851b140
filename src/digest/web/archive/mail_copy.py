"""Make a frozen mail public: its readers' own links lead to a page that explains them."""

from __future__ import annotations

import re
from html import unescape

from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG

_READERS_LINK = re.compile(rf"(?:https?://[^\s\"'<>]+)?(?:{UNSUBSCRIBE_TAG}|{PREFERENCES_TAG})")
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_ANCHOR = re.compile(r"<a\b[^>]*?\bhref=([\"'])(.*?)\1[^>]*>.*?</a>", re.IGNORECASE | re.DOTALL)


def public_html(html: str, own_links: str, *, target: str = "_top") -> str:
    """Return a frozen mail's HTML for every visitor: a reader's own links lead to *own_links*.

    *html* holds the tags that stand for readers' tokens. A ``base`` element opens links in
    *target*, by default the whole window, since the mail is shown in a frame.
    """
    shared = _READERS_LINK.sub(own_links, html)
    return _HEAD.sub(lambda head: f'{head[0]}<base target="{target}">', shared, count=1)


def without_own_navigation(html: str, own_links: str, page: str) -> str:
    """Return a mail of `public_html` without the links to *own_links* and to its own *page*.

    On a page of the site they would lead to an apology, and to where the visitor is.
    """

    def kept(link: re.Match[str]) -> str:
        target = unescape(link[2])
        return "" if target == own_links or target.endswith(page) else link[0]

    return _ANCHOR.sub(kept, html)
