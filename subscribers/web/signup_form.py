"""Make the sign-up form, which is the same on every page and on other sites, and read its token.

This module hides what a form's token signs: newsletter, language, wording, address, and time.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from html import escape
from typing import NamedTuple
from zlib import crc32

from subscribers.errors import BadToken
from subscribers.locale import Translations, translations
from subscribers.tokens import Purpose, address_mark
from subscribers.web.config import NewsletterInfo, SiteConfig
from subscribers.web.page_model import Challenge, Field, Form

PATH, FRAME_PATH, JSON_PATH = "/subscribe", "/subscribe/frame", "/api/subscribe"
TRAP = "website"
PROOF = "altcha"  # the field in which ALTCHA's own widget sends its answer
KEPT_PATH = "/privacy"
SCRIPT_PATH = "/subscribe/proof.js"
_PARTS = 5  # in the subject of a form's token


class ShownForm(NamedTuple):
    """The facts that a form's token signs."""

    newsletter: str
    language: str
    mark: str  #: checksum of the consent wording that was shown
    waited: str  #: mark of the address it was sent with before; empty for a fresh form
    at: datetime


def form_token(config: SiteConfig, info: NewsletterInfo, language: str, *, sent: str = "") -> str:
    """Return a signed token that shows which form was shown, in which wording, and when.

    *sent* is the address that the form was sent with before: sending it again needs no wait.
    """
    return config.tokens.sign(Purpose.FORM, form_subject(info, language, config.clock(), sent))


def form_subject(info: NewsletterInfo, language: str, at: datetime, sent: str = "") -> str:
    """Return the subject of a form's token, its time in milliseconds since 1970."""
    mark, waited = wording_mark(info, language), address_mark(sent) if sent else ""
    return f"{info.slug}:{language}:{mark}:{waited}:{int(at.timestamp() * 1000)}"


def read_form_token(config: SiteConfig, token: str) -> ShownForm:
    """Return the facts in a form's token; raises `BadToken`."""
    parts = config.tokens.read(Purpose.FORM, token).split(":")
    if len(parts) != _PARTS:  # a form of an earlier version, opened before the update
        raise BadToken
    newsletter, language, mark, waited, moment = parts
    at = datetime.fromtimestamp(int(moment) / 1000, UTC)
    return ShownForm(newsletter, language, mark, waited, at)


def wording_mark(info: NewsletterInfo, language: str) -> str:
    """Return the checksum (CRC-32, in hex) of the consent wording."""
    return _marked_wording(info.name, language)[1]


def challenge(config: SiteConfig, *, harder: bool = False) -> dict[str, str | int] | None:
    """Return the proof of work to do before a sign-up, valid as long as the form, or ``None``."""
    proof = config.harder if harder else config.proof
    if proof is None:
        return None
    return proof.challenge(config.clock() + timedelta(hours=config.form_hours))


def form(
    config: SiteConfig,
    info: NewsletterInfo,
    language: str,
    *,
    source: str,
    value: str = "",
    path: str = PATH,
    sent: bool = False,
    harder: bool = False,
) -> Form:
    """Return the sign-up form for a page; *source* names the page.

    *value* is the address filled in. *sent* says that the form was sent with it before, and
    *harder* asks for the proof of work that leads past a cap.
    """
    words = translations(language)
    puzzle = challenge(config, harder=harder)
    hidden = (
        ("newsletter", info.slug),
        ("lang", language),
        ("form", source),
        ("token", form_token(config, info, language, sent=value if sent else "")),
    )
    return Form(
        action=path,
        button=words.gettext("Subscribe"),
        hidden=hidden,
        fields=(
            Field(
                name="email", label=words.gettext("Your email address"), kind="email", value=value
            ),
            Field(name=TRAP, label=words.gettext("Leave this empty"), kind="trap"),
        ),
        proof=Challenge(
            facts=json.dumps(puzzle),
            field=PROOF,
            script=SCRIPT_PATH,
            needs_script=_needs_script(words, harder=harder),
            working=words.gettext(
                "One moment: your browser is doing a short calculation, to keep robots out."
            ),
            at_once=harder,
        )
        if puzzle
        else None,
    )


def _needs_script(words: Translations, *, harder: bool) -> str:
    if harder:
        return words.gettext(
            "Your browser needs JavaScript for that, and it’s switched off. Without it, please try"
            " again in an hour. Nothing was sent."
        )
    return words.gettext(
        "To keep robots out, your browser does a short calculation before it sends this form. It"
        " needs JavaScript for that, and JavaScript is switched off."
    )


def wording(info: NewsletterInfo, language: str) -> str:
    """Return the consent wording beside the form, which is kept as evidence."""
    return _marked_wording(info.name, language)[0]


@lru_cache(maxsize=256)
def _marked_wording(name: str, language: str) -> tuple[str, str]:
    agreed = translations(language).gettext(
        "Send me %(newsletter)s by email. I can unsubscribe at any time with the link in every"
        " email. Until I confirm in the first email, nothing else is sent."
    )
    text = agreed % {"newsletter": name}
    return text, f"{crc32(text.encode()):08x}"


def kept_link(info: NewsletterInfo, language: str) -> tuple[str, str]:
    """Return the label and path of the link to the privacy page."""
    path = f"{KEPT_PATH}?newsletter={info.slug}&lang={language}"
    return translations(language).gettext("Privacy"), path


def snippet(config: SiteConfig, info: NewsletterInfo, language: str) -> str:
    """Return the form for other sites: HTML without a script; one more button press follows."""
    words = translations(language)
    kept_words, kept = kept_link(info, language)
    hidden = {"newsletter": info.slug, "lang": language, "form": "embed"}
    inputs = "".join(
        f'  <input type="hidden" name="{name}" value="{escape(value)}">\n'
        for name, value in hidden.items()
    )
    return (
        f'<form method="post" action="{escape(config.base_url)}{PATH}">\n{inputs}'
        f"  <label>{escape(words.gettext('Your email address'))}\n"
        '    <input type="email" name="email" required autocomplete="email">\n  </label>\n'
        f"  <button>{escape(words.gettext('Subscribe'))}</button>\n"
        f"  <p>{escape(wording(info, language))}"
        f' <a href="{escape(config.base_url + kept)}">{escape(kept_words)}</a></p>\n</form>\n'
    )
