"""Checks of the personalizations: one at a time, then all together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from digest.fake_sendgrid.mail_send_rules.fields import check_headers, check_mailbox, check_texts
from digest.fake_sendgrid.mail_send_rules.violation import RuleViolation, about

MAX_PERSONALIZATIONS = 1000
MAX_RECIPIENTS = 1000
MAX_AHEAD = 72 * 3600
KINDS = ("to", "cc", "bcc")
KNOWN = frozenset(
    [*KINDS, "from", "subject", "headers", "substitutions", "dynamic_template_data", "custom_args",
     "send_at"]
)  # fmt: skip
NO_TO = (
    "The to array is required for all personalization objects, and must have at least one email"
    " object with a valid email address."
)
DUPLICATE = (
    "Each email address in the personalization block should be unique between to, cc, and bcc."
    " We found the first duplicate instance of [{address}] in the {field} field."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """What a personalization is judged against: the top level, the moment, the mood."""

    body: dict[str, Any]
    now: float
    lenient: bool

    @property
    def domain(self) -> str:
        """The domain of the top-level sender, in lower case."""
        sender = self.body.get("from")
        email = sender.get("email") if isinstance(sender, dict) else None
        return email.rpartition("@")[2].lower() if isinstance(email, str) else ""


def check_all(shared: Shared) -> Iterator[RuleViolation]:
    """Check every personalization, how many recipients there are, and that none is there twice."""
    all_of_them = shared.body.get("personalizations")
    if not isinstance(all_of_them, list) or not all_of_them:
        yield about(
            "personalizations",
            "The personalizations field is required and must have at least one personalization.",
        )
        return
    if len(all_of_them) > MAX_PERSONALIZATIONS:
        yield about(
            "personalizations",
            f"There may be no more than {MAX_PERSONALIZATIONS} personalizations in one request.",
        )
        return
    for index, one in enumerate(all_of_them):
        yield from check_one(one, f"personalizations.{index}", shared)
    yield from _check_together(all_of_them, lenient=shared.lenient)


def check_one(one: Any, at: str, shared: Shared) -> Iterator[RuleViolation]:
    """Check one personalization."""
    if not isinstance(one, dict):
        yield about(at, "Invalid type. Expected: object.", "personalizations")
        return
    if not shared.lenient:
        for name in one.keys() - KNOWN:
            yield about(f"{at}.{name}", f"Additional property {name} is not allowed.")
    yield from _check_mailboxes(one, at, shared)
    yield from _check_overrides(one, at, shared)
    if "headers" in one:
        yield from check_headers(one["headers"], f"{at}.headers")
    yield from _check_own_texts(one, at, shared.body)


def _check_mailboxes(one: dict[str, Any], at: str, shared: Shared) -> Iterator[RuleViolation]:
    for kind in KINDS:
        listed = one.get(kind)
        if kind == "to" and (not isinstance(listed, list) or not listed):
            yield about(f"{at}.to", NO_TO, "personalizations.to")
        elif listed is None:
            continue
        elif not isinstance(listed, list) or len(listed) > MAX_RECIPIENTS:
            yield about(
                f"{at}.{kind}",
                f"The {kind} field must be an array of up to {MAX_RECIPIENTS} email objects.",
                f"personalizations.{kind}",
            )
        else:
            for index, mailbox in enumerate(listed):
                yield from check_mailbox(
                    mailbox,
                    f"{at}.{kind}.{index}",
                    f"personalizations.{kind}",
                    lenient=shared.lenient,
                )


def _check_overrides(one: dict[str, Any], at: str, shared: Shared) -> Iterator[RuleViolation]:
    if "subject" in one and not (isinstance(one["subject"], str) and one["subject"]):
        yield about(
            f"{at}.subject",
            "The subject must be a string at least one character in length.",
            "personalizations.subject",
        )
    if "from" in one:
        yield from check_mailbox(one["from"], f"{at}.from", "from", lenient=False)
        sender = one["from"].get("email") if isinstance(one["from"], dict) else ""
        if str(sender).rpartition("@")[2].lower() != shared.domain:
            yield about(f"{at}.from", "The from domain must match the top-level from.", "from")
    if "send_at" in one:
        yield from check_moment(one["send_at"], f"{at}.send_at", shared.now)


def _check_own_texts(one: dict[str, Any], at: str, body: dict[str, Any]) -> Iterator[RuleViolation]:
    template = body.get("template_id")
    dynamic = isinstance(template, str) and template.startswith("d-")
    if "substitutions" in one:
        yield from check_texts(one["substitutions"], f"{at}.substitutions", "substitutions")
        if dynamic:
            yield about(
                f"{at}.substitutions",
                "Substitutions may not be used with dynamic templating",
                "personalizations.substitutions",
            )
    if "dynamic_template_data" in one and not dynamic:
        yield about(
            f"{at}.dynamic_template_data", "Dynamic template data needs a dynamic template."
        )
    if "custom_args" in one:
        yield from check_texts(_merged(body, one), f"{at}.custom_args", "custom_args")


def _merged(body: dict[str, Any], one: dict[str, Any]) -> Any:
    shared, own = body.get("custom_args"), one["custom_args"]
    return {**shared, **own} if isinstance(shared, dict) and isinstance(own, dict) else own


def check_moment(value: Any, at: str, now: float) -> Iterator[RuleViolation]:
    """Check when to send: whole Unix seconds, at most 72 hours ahead."""
    if isinstance(value, bool) or not isinstance(value, int):
        yield about(at, "The send_at parameter must be an integer.", "send_at")
    elif value > now + MAX_AHEAD:
        yield about(at, "The send_at parameter may be no more than 72 hours ahead.", "send_at")


def _check_together(all_of_them: list[Any], *, lenient: bool) -> Iterator[RuleViolation]:
    """Count recipients, and name the first one that is there twice."""
    seen: set[str] = set()
    recipients = 0
    duplicate: RuleViolation | None = None
    for index, one in enumerate(all_of_them):
        if lenient:
            seen.clear()  # as the threads show it; their documentation speaks of the whole array
        for kind, address in _addresses(one):
            recipients += 1
            if address.lower() in seen and duplicate is None:
                at = f"personalizations.{index}"
                text = DUPLICATE.format(address=address, field=f"{at}.{kind}")
                duplicate = about(at, text, "recipient-errors")
            seen.add(address.lower())
    if recipients > MAX_RECIPIENTS:
        yield about(
            "personalizations",
            f"There may be no more than {MAX_RECIPIENTS} recipients in one request.",
        )
    if duplicate:
        yield duplicate


def _addresses(one: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(one, dict):
        return
    for kind in KINDS:
        listed = one.get(kind)
        for mailbox in listed if isinstance(listed, list) else ():
            address = mailbox.get("email") if isinstance(mailbox, dict) else None
            if isinstance(address, str):
                yield kind, address
