"""The checks of the personalizations: each by itself, then recipients and duplicates of all."""

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
class PersonalizationContext:
    """What each personalization is checked against: top level, time (Unix seconds), leniency."""

    body: dict[str, Any]
    now: float
    lenient: bool

    @property
    def domain(self) -> str:
        """The domain of the top-level sender, in lower case; empty where there is none."""
        sender = self.body.get("from")
        email = sender.get("email") if isinstance(sender, dict) else None
        return email.rpartition("@")[2].lower() if isinstance(email, str) else ""


def check_all(context: PersonalizationContext) -> Iterator[RuleViolation]:
    """Yield the violations of all personalizations, their number and their duplicates."""
    personalizations = context.body.get("personalizations")
    if not isinstance(personalizations, list) or not personalizations:
        yield about(
            "personalizations",
            "The personalizations field is required and must have at least one personalization.",
        )
        return
    if len(personalizations) > MAX_PERSONALIZATIONS:
        yield about(
            "personalizations",
            f"There may be no more than {MAX_PERSONALIZATIONS} personalizations in one request.",
        )
        return
    for index, personalization in enumerate(personalizations):
        yield from check_one(personalization, f"personalizations.{index}", context)
    yield from _check_together(personalizations, lenient=context.lenient)


def check_one(
    personalization: Any, at: str, context: PersonalizationContext
) -> Iterator[RuleViolation]:
    """Yield the violations of one personalization."""
    if not isinstance(personalization, dict):
        yield about(at, "Invalid type. Expected: object.", "personalizations")
        return
    if not context.lenient:
        for name in personalization.keys() - KNOWN:
            yield about(f"{at}.{name}", f"Additional property {name} is not allowed.")
    yield from _check_mailboxes(personalization, at, context)
    yield from _check_overrides(personalization, at, context)
    if "headers" in personalization:
        yield from check_headers(personalization["headers"], f"{at}.headers")
    yield from _check_own_texts(personalization, at, context.body)


def _check_mailboxes(
    personalization: dict[str, Any], at: str, context: PersonalizationContext
) -> Iterator[RuleViolation]:
    for kind in KINDS:
        listed = personalization.get(kind)
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
                    lenient=context.lenient,
                )


def _check_overrides(
    personalization: dict[str, Any], at: str, context: PersonalizationContext
) -> Iterator[RuleViolation]:
    if "subject" in personalization and not (
        isinstance(personalization["subject"], str) and personalization["subject"]
    ):
        yield about(
            f"{at}.subject",
            "The subject must be a string at least one character in length.",
            "personalizations.subject",
        )
    if "from" in personalization:
        yield from check_mailbox(personalization["from"], f"{at}.from", "from", lenient=False)
        sender = (
            personalization["from"].get("email")
            if isinstance(personalization["from"], dict)
            else ""
        )
        if str(sender).rpartition("@")[2].lower() != context.domain:
            yield about(f"{at}.from", "The from domain must match the top-level from.", "from")
    if "send_at" in personalization:
        yield from check_moment(personalization["send_at"], f"{at}.send_at", context.now)


def _check_own_texts(
    personalization: dict[str, Any], at: str, body: dict[str, Any]
) -> Iterator[RuleViolation]:
    template = body.get("template_id")
    dynamic = isinstance(template, str) and template.startswith("d-")
    if "substitutions" in personalization:
        yield from check_texts(
            personalization["substitutions"], f"{at}.substitutions", "substitutions"
        )
        if dynamic:
            yield about(
                f"{at}.substitutions",
                "Substitutions may not be used with dynamic templating",
                "personalizations.substitutions",
            )
    if "dynamic_template_data" in personalization and not dynamic:
        yield about(
            f"{at}.dynamic_template_data", "Dynamic template data needs a dynamic template."
        )
    if "custom_args" in personalization:
        yield from check_texts(_merged(body, personalization), f"{at}.custom_args", "custom_args")


def _merged(body: dict[str, Any], personalization: dict[str, Any]) -> Any:
    context, own = body.get("custom_args"), personalization["custom_args"]
    return {**context, **own} if isinstance(context, dict) and isinstance(own, dict) else own


def check_moment(value: Any, at: str, now: float) -> Iterator[RuleViolation]:
    """Yield the violations of ``send_at``: whole Unix seconds, at most 72 hours ahead."""
    if isinstance(value, bool) or not isinstance(value, int):
        yield about(at, "The send_at parameter must be an integer.", "send_at")
    elif value > now + MAX_AHEAD:
        yield about(at, "The send_at parameter may be no more than 72 hours ahead.", "send_at")


def _check_together(personalizations: list[Any], *, lenient: bool) -> Iterator[RuleViolation]:
    """Yield too many recipients, and the first recipient that occurs twice."""
    seen: set[str] = set()
    recipients = 0
    duplicate: RuleViolation | None = None
    for index, personalization in enumerate(personalizations):
        if lenient:
            seen.clear()  # as the threads show it; their documentation speaks of the whole array
        for kind, address in _addresses(personalization):
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


def _addresses(personalization: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(personalization, dict):
        return
    for kind in KINDS:
        listed = personalization.get(kind)
        for mailbox in listed if isinstance(listed, list) else ():
            address = mailbox.get("email") if isinstance(mailbox, dict) else None
            if isinstance(address, str):
                yield kind, address
