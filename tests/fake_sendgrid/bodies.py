"""Valid Mail Send bodies."""

from __future__ import annotations

from typing import Any


def make_body(*addresses: str, readers: int = 1, **changed: Any) -> dict[str, Any]:
    """Return a body for these addresses, or for that many readers; ``None`` omits a field."""
    listed = addresses or tuple(f"reader{n}@example.org" for n in range(readers))
    body: dict[str, Any] = {
        "from": {"email": "news@example.org", "name": "Weekly"},
        "subject": "Verdicts",
        "content": [
            {"type": "text/plain", "value": "Leave: https://example.org/u/-leave_token-"},
            {"type": "text/html", "value": '<a href="https://example.org/u/-leave_token-">x</a>'},
        ],
        "custom_args": {"digest_issue": "issue-1", "digest_batch": "b1", "digest_attempt": "a1"},
        "personalizations": [
            {
                "to": [{"email": address}],
                "headers": {"List-Unsubscribe": f"<https://example.org/u/{n}>"},
                "substitutions": {"-leave_token-": f"token{n}"},
                "custom_args": {"digest_delivery": f"d{n}"},
            }
            for n, address in enumerate(listed)
        ],
    }
    return {name: value for name, value in {**body, **changed}.items() if value is not None}
