"""The checks of the switches beside the mail: settings, tracking, unsubscribe groups, pools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from digest.fake_sendgrid.mail_send_rules.violation import RuleViolation, about

BYPASSES = ("spam", "bounce", "unsubscribe")
KNOWN = {
    "mail_settings": frozenset(f"bypass_{name}_management" for name in ("list", *BYPASSES))
    | {"footer", "sandbox_mode"},
    "tracking_settings": frozenset(
        ("click_tracking", "open_tracking", "subscription_tracking", "ganalytics")
    ),
}
MAX_GROUPS = 25
POOL_NAME = range(2, 65)


def check_settings(body: dict[str, Any]) -> Iterator[RuleViolation]:
    """Yield the violations of the top-level settings that aren't part of the mail."""
    for name in KNOWN:
        yield from _check_switches(body.get(name, {}), name)
    yield from _check_group(body.get("asm"))
    for name in ("batch_id", "template_id"):
        if name in body and not (isinstance(body[name], str) and body[name]):
            yield about(name, f"The {name} must be a string.")
    pool = body.get("ip_pool_name", "main")
    if not isinstance(pool, str) or len(pool) not in POOL_NAME:
        yield about("ip_pool_name", "The ip_pool_name must be a string of 2 to 64 characters.")


def _check_switches(value: Any, at: str) -> Iterator[RuleViolation]:
    if not isinstance(value, dict):
        yield about(at, "Invalid type. Expected: object.")
        return
    for name, setting in value.items():
        if name not in KNOWN[at]:
            yield about(f"{at}.{name}", f"Additional property {name} is not allowed.", at)
        elif not isinstance(setting, dict):
            yield about(f"{at}.{name}", "Invalid type. Expected: object.", at)
        else:
            yield from _check_booleans(setting, f"{at}.{name}")
    bypasses = [name for name in value if name.startswith("bypass_")]
    if "bypass_list_management" in bypasses and len(bypasses) > 1:
        yield about(at, "bypass_list_management may not be combined with other bypasses.")


def _check_booleans(setting: dict[str, Any], at: str) -> Iterator[RuleViolation]:
    for name in ("enable", "enable_text"):
        if name in setting and not isinstance(setting[name], bool):
            yield about(f"{at}.{name}", f"The {name} parameter must be a boolean.", at)


def _check_group(asm: Any) -> Iterator[RuleViolation]:
    if asm is None:
        return
    group = asm.get("group_id") if isinstance(asm, dict) else None
    if isinstance(group, bool) or not isinstance(group, int):
        yield about("asm.group_id", "The asm.group_id is required and must be an integer.", "asm")
        return
    shown = asm.get("groups_to_display", [])
    if not isinstance(shown, list) or len(shown) > MAX_GROUPS:
        yield about("asm.groups_to_display", f"There may be up to {MAX_GROUPS} groups.", "asm")
