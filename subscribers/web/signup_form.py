"""The sign-up form: the same on every page that shows it, here and on other sites."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from html import escape
from typing import NamedTuple
from zlib import crc32

from subscribers.errors import BadToken
from subscribers.tokens import Purpose, address_mark
from subscribers.web.config import NewsletterInfo, SiteConfig
from subscribers.web.locale import LANGUAGES
from subscribers.web.page_model import Challenge, Field, Form

PATH, FRAME_PATH, JSON_PATH = "/subscribe", "/subscribe/frame", "/api/subscribe"
TRAP = "website"
PROOF = "altcha"  # the field in which the protocol's own widget sends its answer
KEPT_PATH = "/privacy"
SCRIPT_PATH = "/subscribe/proof.js"
_PARTS = 5  # of what a form's token says


class ShownForm(NamedTuple):
    """What a form said when it was shown."""

    newsletter: str
    language: str
    mark: str  #: of the wording, which may have changed since
    waited: str  #: the mark of the address it was sent with before; empty for a fresh form
    at: datetime


def form_token(front: SiteConfig, about: NewsletterInfo, language: str, *, sent: str = "") -> str:
    """Return what shows that a form came from here, what it said, and when.

    Whoever has *sent* an address before need not wait to send it again.
    """
    return front.tokens.sign(Purpose.FORM, form_subject(about, language, front.clock(), sent))


def form_subject(about: NewsletterInfo, language: str, at: datetime, sent: str = "") -> str:
    """Return what such a token says."""
    mark, waited = wording_mark(about, language), address_mark(sent) if sent else ""
    return f"{about.slug}:{language}:{mark}:{waited}:{int(at.timestamp() * 1000)}"


def read_form_token(front: SiteConfig, token: str) -> ShownForm:
    """Tell what a form said; raises `BadToken`."""
    parts = front.tokens.read(Purpose.FORM, token).split(":")
    if len(parts) != _PARTS:  # a form of another version, opened before this one was installed
        raise BadToken
    newsletter, language, mark, waited, moment = parts
    at = datetime.fromtimestamp(int(moment) / 1000, UTC)
    return ShownForm(newsletter, language, mark, waited, at)


def wording_mark(about: NewsletterInfo, language: str) -> str:
    """Tell wordings apart."""
    return f"{crc32(wording(about, language).encode()):08x}"


def challenge(front: SiteConfig, *, harder: bool = False) -> dict[str, str | int] | None:
    """Return the sum to do before signing up, where one is asked for; good as long as the form."""
    proof = front.harder if harder else front.proof
    if proof is None:
        return None
    return proof.challenge(front.clock() + timedelta(hours=front.form_hours))


def form(
    front: SiteConfig,
    about: NewsletterInfo,
    language: str,
    *,
    source: str,
    value: str = "",
    path: str = PATH,
    sent: bool = False,
    harder: bool = False,
) -> Form:
    """Return the sign-up form, for a page of any kind; *source* says which."""
    words = LANGUAGES[language]
    sum_to_do = challenge(front, harder=harder)
    hidden = (
        ("newsletter", about.slug),
        ("lang", language),
        ("form", source),
        ("token", form_token(front, about, language, sent=value if sent else "")),
    )
    return Form(
        action=path,
        button=words.sign_up_button,
        hidden=hidden,
        fields=(
            Field(name="email", label=words.address, kind="email", value=value),
            Field(name=TRAP, label=words.trap, kind="trap"),
        ),
        proof=Challenge(
            facts=json.dumps(sum_to_do),
            field=PROOF,
            script=SCRIPT_PATH,
            needs_script=words.needs_script_now if harder else words.needs_script,
            working=words.working,
            at_once=harder,
        )
        if sum_to_do
        else None,
    )


def wording(about: NewsletterInfo, language: str) -> str:
    """Return what one agrees to by the form."""
    return LANGUAGES[language].wording.format(newsletter=about.name)


def kept_link(about: NewsletterInfo, language: str) -> tuple[str, str]:
    """Return words and path of the page that says what is kept of readers."""
    path = f"{KEPT_PATH}?newsletter={about.slug}&lang={language}"
    return LANGUAGES[language].kept_link, path


def snippet(front: SiteConfig, about: NewsletterInfo, language: str) -> str:
    """Return a form for other sites: plain HTML, no script; one more press of a button follows."""
    words = LANGUAGES[language]
    kept_words, kept = kept_link(about, language)
    hidden = {"newsletter": about.slug, "lang": language, "form": "embed"}
    inputs = "".join(
        f'  <input type="hidden" name="{name}" value="{escape(value)}">\n'
        for name, value in hidden.items()
    )
    return (
        f'<form method="post" action="{escape(front.base_url)}{PATH}">\n{inputs}'
        f"  <label>{escape(words.address)}\n"
        '    <input type="email" name="email" required autocomplete="email">\n  </label>\n'
        f"  <button>{escape(words.sign_up_button)}</button>\n"
        f"  <p>{escape(wording(about, language))}"
        f' <a href="{escape(front.base_url + kept)}">{escape(kept_words)}</a></p>\n</form>\n'
    )
