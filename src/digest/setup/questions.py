"""Decides what a newcomer is asked, what each answer may be, and which settings answers become."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo

from digest.app.installation import open_app
from digest.errors import BadSetting
from digest.issues.calendar import weekday_of
from digest.settings import Settings, TransportKind, load, values_in_file, variable_of
from subscribers.address import parse
from subscribers.errors import BadAddress

_LONGEST_NAME = 200
_SPECIAL = re.compile(r'[()<>\[\]:;@\\,."]')  # RFC 5322, 3.2.3: a name with these is quoted


def clock_time(text: str) -> time:
    """Return the time of day that *text* says, such as 09:00, 9:00 or 9; raises `BadSetting`."""
    hour, _, minute = text.partition(":")
    try:
        return time.fromisoformat(f"{hour:0>2}:{minute or '00'}").replace(second=0, microsecond=0)
    except ValueError:
        raise BadSetting(f"{text} isn't a time; write it like 09:00") from None


def _one_line(text: str) -> None:
    if not text.isprintable() or len(text) > _LONGEST_NAME:
        raise BadSetting(f"it must be one line of at most {_LONGEST_NAME} characters")


def _sender_name(text: str) -> None:
    _one_line(text)
    if "," in text or ";" in text:
        raise BadSetting(
            "it can't have a comma or a semicolon, because SendGrid refuses such names"
        )


def _address_alone(text: str) -> None:
    try:
        parse(text)
    except BadAddress:
        raise BadSetting("it must be an address only, such as news@mill-lane.example") from None


def _public_key(text: str) -> None:
    open_app(load({})).provider.verifier(text.split(","))


def _zone(text: str) -> None:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, LookupError):
        raise BadSetting(f"{text} isn't a time zone; write it like Europe/Berlin") from None


@dataclass(frozen=True, kw_only=True)
class SetupQuestion:
    """One question; its answer may come from an option as well."""

    name: str  #: in Python; the option is named alike
    words: str  #: as a person is asked
    hint: str = ""  #: an example, or where the answer is found
    check: Callable[[str], object] = _one_line  #: raises `DigestError` for what can't be
    setting: str | None = None  #: which the answer is stored and checked as too
    newsletter: bool = False  #: whether it is about the newsletter, and not the installation
    needed: bool = False
    secret: bool = False  #: never shown, not even while it is typed
    after: str = ""  #: name of the question whose answer this one is about
    unless: str = ""  #: name of the question whose answer makes this one needless

    def is_asked(self, answers: Mapping[str, str]) -> bool:
        """Return whether a person is asked, after these answers."""
        is_about_something = not self.after or bool(answers.get(self.after))
        return is_about_something and not (self.unless and answers.get(self.unless))

    @property
    def option(self) -> str:
        """The option of the command line, such as --base-url."""
        return f"--{self.name.replace('_', '-')}"


QUESTIONS = (
    SetupQuestion(name="name", words="The newsletter's name", newsletter=True, needed=True),
    SetupQuestion(name="description", words="What it's about, in a sentence", newsletter=True),
    SetupQuestion(
        name="on",
        words="The weekday it goes out",
        hint="such as thursday",
        check=weekday_of,
        newsletter=True,
    ),
    SetupQuestion(
        name="at",
        words="The time of day",
        hint="such as 09:00",
        check=clock_time,
        newsletter=True,
    ),
    SetupQuestion(
        name="zone",
        words="The time zone",
        hint="such as Europe/Berlin",
        check=_zone,
        newsletter=True,
    ),
    SetupQuestion(
        name="sender_name", words="The sender's name that readers see", check=_sender_name
    ),
    SetupQuestion(
        name="sender",
        words="The sender's address",
        hint="at your own domain, such as news@mill-lane.example",
        check=_address_alone,
        needed=True,
    ),
    SetupQuestion(
        name="postal_address",
        words="The postal address, which the law requires in every mail",
        hint="on one line, such as 1 Mill Lane, Anytown",
        setting="postal_address",
        needed=True,
    ),
    SetupQuestion(
        name="base_url",
        words="The public URL of the site",
        hint="such as https://news.mill-lane.example",
        setting="base_url",
        needed=True,
    ),
    SetupQuestion(
        name="editors",
        words="The editors' addresses, for drafts and reminders",
        hint="comma-separated",
        setting="editors",
    ),
    SetupQuestion(
        name="api_key",
        words="SendGrid's API key",
        hint="with the permission Mail Send; without a key, mail goes to a folder",
        setting="sendgrid_api_key",
        secret=True,
    ),
    SetupQuestion(
        name="smtp_host",
        words="The host of an SMTP relay, if your mail goes through one",
        hint="such as mail.mill-lane.example; without either, mail goes to a folder",
        setting="smtp_host",
        unless="api_key",
    ),
    SetupQuestion(
        name="smtp_security",
        words="How the connection to the relay is encrypted",
        hint="starttls, tls or none; starttls unless you say so",
        setting="smtp_security",
        after="smtp_host",
    ),
    SetupQuestion(
        name="smtp_port",
        words="The relay's port, if it isn't the usual one",
        setting="smtp_port",
        after="smtp_host",
    ),
    SetupQuestion(
        name="smtp_user",
        words="Your user at the relay",
        hint="leave it empty for a relay without a login",
        setting="smtp_user",
        after="smtp_host",
    ),
    SetupQuestion(
        name="smtp_password",
        words="Your password at the relay",
        setting="smtp_password",
        after="smtp_user",
        secret=True,
    ),
    SetupQuestion(
        name="bounce_address",
        words="An address for bounces, which Digest reads",
        hint="such as bounces@mill-lane.example; without it, bounces go unnoticed",
        setting="bounce_address",
        after="smtp_host",
    ),
    SetupQuestion(
        name="sendgrid_url",
        words="SendGrid's API URL, if it isn't the default",
        hint="https://api.eu.sendgrid.com for an account in the EU; otherwise leave it empty",
        setting="sendgrid_url",
        unless="smtp_host",
    ),
    SetupQuestion(
        name="webhook_key",
        words="The verification key of SendGrid's event webhook",
        hint="a long text that starts with MFkw; without it, bounces go unnoticed",
        check=_public_key,
        setting="webhook_keys",
        unless="smtp_host",
        secret=True,
    ),
)


#: Settings whose answer chooses how mail is sent.
_CHOSEN_BY = {"smtp_host": TransportKind.SMTP, "sendgrid_api_key": TransportKind.SENDGRID}


def missing(questions: Sequence[SetupQuestion], answers: Mapping[str, str]) -> list[str]:
    """Return the options of *questions* whose answers are needed and aren't in *answers*."""
    return [each.option for each in questions if each.needed and not answers.get(each.name)]


def checked(question: SetupQuestion, answer: str) -> str:
    """Return an answer without blanks around it; raises `DigestError` for one that can't be."""
    text = answer.strip()
    if text:
        question.check(text)
        if question.setting is not None:
            load({}, **{question.setting: text})
    elif question.needed:
        raise BadSetting(f"{question.words} is needed")
    return text


def settings_from(answers: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that answers become, by variable; none for what wasn't answered."""
    asked = [(each.name, each.setting) for each in QUESTIONS if each.name in answers]
    values = {variable_of(setting): answers[name] for name, setting in asked if setting}
    if answers.get("sender"):
        values[variable_of("sender")] = _mailbox(answers.get("sender_name", ""), answers["sender"])
    return values


def changes(
    settings: Settings, today: Mapping[str, str], wanted: Mapping[str, str]
) -> dict[str, str]:
    """Return what to write into .env, by variable: nothing that stands there already.

    *today* and *wanted* are settings by variable, as `settings_from` returns them. What comes from
    a file of its own (DIGEST_<NAME>_FILE) stays there unless it was answered anew.
    """
    in_file = values_in_file()
    changed = {
        variable: value
        for variable, value in wanted.items()
        if value != in_file.get(variable, "")
        and (value != today.get(variable) or variable in os.environ)
    }
    transport = variable_of("transport")
    for setting, chosen in _CHOSEN_BY.items():
        key = variable_of(setting)
        new = changed.get(key) or (wanted.get(key) and "transport" not in settings.model_fields_set)
        if new and in_file.get(transport) != chosen:
            changed[transport] = chosen.value
    if settings.secret is None:
        changed[variable_of("secret")] = secrets.token_hex(32)
    return changed


def _mailbox(name: str, address: str) -> str:
    """Return a mailbox as a From header has it, with the name in quotation marks where needed."""
    if not name:
        return address
    if _SPECIAL.search(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{escaped}"'
    return f"{name} <{address}>"
