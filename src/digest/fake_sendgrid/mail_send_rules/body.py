"""The checks of a whole body: the top-level fields, and the order of all checks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from digest.fake_sendgrid.mail_send_rules.fields import check_headers, check_mailbox, check_texts
from digest.fake_sendgrid.mail_send_rules.mail_settings import check_settings
from digest.fake_sendgrid.mail_send_rules.personalizations import (
    PersonalizationContext,
    check_all,
    check_moment,
)
from digest.fake_sendgrid.mail_send_rules.violation import CRYPTIC, RuleViolation, about

KNOWN = frozenset(
    ["personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "attachments",
     "template_id", "headers", "categories", "custom_args", "send_at", "batch_id", "asm",
     "ip_pool_name", "mail_settings", "tracking_settings"]
)  # fmt: skip
#: The order the parts of a mail must stand in; every other type comes last.
ORDER = ("text/plain", "text/x-amp-html", "text/html")
MAX_CATEGORIES, MAX_CATEGORY = 10, 255
MAX_REPLY_TO = 1000
#: One answer names at most this many violations.
MAX_PROBLEMS = 1000
_UNFIT_TYPE = re.compile(r"[;\r\n]")
_UNFIT_FILE = re.compile(r"[;,\r\n]")


def check(body: Any, *, now: float, lenient: bool = False) -> list[RuleViolation]:
    """Return why SendGrid would refuse *body*; an empty list means that it would accept it.

    *now* is in Unix seconds. A single value of the wrong type where text is required hides every
    other violation, as it does at the provider. *lenient* accepts what isn't documented.
    """
    if not isinstance(body, dict):
        return [CRYPTIC]
    problems: list[RuleViolation] = []
    for problem in _check_body(body, now, lenient=lenient):
        if problem is CRYPTIC:
            return [CRYPTIC]
        if len(problems) < MAX_PROBLEMS:
            problems.append(problem)
    return problems


def _check_body(body: dict[str, Any], now: float, *, lenient: bool) -> Iterator[RuleViolation]:
    if not lenient:
        for name in body.keys() - KNOWN:
            yield about(name, f"Additional property {name} is not allowed.")
    yield from _check_sender(body)
    yield from check_all(PersonalizationContext(body=body, now=now, lenient=lenient))
    yield from _check_reply_to(body, lenient=lenient)
    yield from _check_subject(body)
    yield from _check_content(body)
    yield from _check_attachments(body.get("attachments", []))
    yield from _check_categories(body.get("categories", []))
    if "headers" in body:
        yield from check_headers(body["headers"], "headers")
    if "custom_args" in body:
        yield from check_texts(body["custom_args"], "custom_args", "custom_args")
    if "send_at" in body:
        yield from check_moment(body["send_at"], "send_at", now)
    yield from check_settings(body)


def _check_sender(body: dict[str, Any]) -> Iterator[RuleViolation]:
    if not isinstance(body.get("from"), dict):
        yield about(
            "from",
            "The from object must be provided for every email send. It is an object that requires"
            " the email parameter, but may also contain a name parameter.",
        )
    else:
        # Documented as "Unicode not supported", so never lenient.
        yield from check_mailbox(body["from"], "from", "from", lenient=False)


def _check_reply_to(body: dict[str, Any], *, lenient: bool) -> Iterator[RuleViolation]:
    if "reply_to" in body:
        yield from check_mailbox(body["reply_to"], "reply_to", "reply_to", lenient=lenient)
    if "reply_to_list" not in body:
        return
    if "reply_to" in body:
        yield about("reply_to_list", "Use either reply_to or reply_to_list, not both.", "reply_to")
    listed = body["reply_to_list"]
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_REPLY_TO:
        yield about("reply_to_list", f"There must be 1 to {MAX_REPLY_TO} reply_to addresses.")
        return
    for index, mailbox in enumerate(listed):
        at = f"reply_to_list.{index}"
        yield from check_mailbox(mailbox, at, "reply_to_list", lenient=lenient)
    addresses = [str(m.get("email")).lower() for m in listed if isinstance(m, dict)]
    if len(set(addresses)) < len(addresses):
        yield about("reply_to_list", "Each reply_to address must be unique.")


def _check_subject(body: dict[str, Any]) -> Iterator[RuleViolation]:
    subject = body.get("subject")
    if isinstance(subject, str) and subject:
        return
    own = body.get("personalizations")
    everyone_has_one = isinstance(own, list) and all(
        isinstance(entry, dict) and entry.get("subject") for entry in own
    )
    if subject is None and (everyone_has_one or body.get("template_id")):
        return
    yield about(
        "subject",
        "The subject is required. You can get around this requirement if you use a template with"
        " a subject defined or if every personalization has a subject defined.",
    )


def _check_content(body: dict[str, Any]) -> Iterator[RuleViolation]:
    content = body.get("content")
    if content is None and body.get("template_id"):
        return
    if not isinstance(content, list) or not content:
        yield about(
            "content",
            "Unless a valid template_id is provided, the content parameter is required. There must"
            " be at least one defined content block.",
        )
        return
    for index, part in enumerate(content):
        yield from _check_part(part, f"content.{index}")
    types = [part.get("type") for part in content if isinstance(part, dict)]
    places = [ORDER.index(kind) if kind in ORDER else len(ORDER) for kind in types]
    if places != sorted(places):
        yield about(
            "content", "The text/plain content must be first, followed by any text/html content."
        )
    if len(set(map(str, types))) < len(types):
        yield about("content", "If present, text/plain and text/html may only be provided once.")


def _check_part(part: Any, at: str) -> Iterator[RuleViolation]:
    if not isinstance(part, dict):
        yield about(at, "Invalid type. Expected: object.", "content")
        return
    kind, value = part.get("type"), part.get("value")
    if not isinstance(kind, str) or not kind or _UNFIT_TYPE.search(kind):
        yield about(
            f"{at}.type", "The content type must be a string without ';' or CRLF.", "content.type"
        )
    if not isinstance(value, str) or not value:
        yield about(
            f"{at}.value",
            "The content value must be a string at least one character in length.",
            "content.value",
        )


def _check_attachments(listed: Any) -> Iterator[RuleViolation]:
    if not isinstance(listed, list):
        yield about("attachments", "Invalid type. Expected: array.")
        return
    for index, file in enumerate(listed):
        at = f"attachments.{index}"
        if not isinstance(file, dict) or not isinstance(file.get("content"), str):
            yield about(f"{at}.content", "The attachment content is required.", "attachments")
            continue
        for name in ("filename", "type"):
            text = file.get(name, "" if name == "filename" else "x")
            if not isinstance(text, str) or not text or _UNFIT_FILE.search(text):
                yield about(
                    f"{at}.{name}",
                    f"The attachment {name} must be a string without ';', ',' or CRLF.",
                    f"attachments.{name}",
                )


def _check_categories(listed: Any) -> Iterator[RuleViolation]:
    if not isinstance(listed, list) or len(listed) > MAX_CATEGORIES:
        yield about("categories", f"There may be no more than {MAX_CATEGORIES} categories.")
        return
    for index, name in enumerate(listed):
        if not isinstance(name, str) or not name.isascii() or not 1 <= len(name) <= MAX_CATEGORY:
            yield about(
                f"categories.{index}",
                f"Each category must be ASCII, of up to {MAX_CATEGORY} characters.",
                "categories",
            )
    if len(set(map(str, listed))) < len(listed):
        yield about("categories", "Each category must be unique.")
