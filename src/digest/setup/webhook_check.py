"""Hides how the event webhook is tried: with a signed post of the fake's, or by the provider.

Only who holds the private key signs an event. The fake is asked to; the provider does it when a
person presses a button, so this looks whether the address answers, and waits for the post.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import orjson

from digest.doctor import CheckResult, fine, refused, warning

ABOUT = "webhook"
SECONDS = 10.0  #: the longest wait for one answer
_PAUSE = 0.5
PRESS = "open the event webhook at the provider and select Test Your Integration"

Seen = Callable[[], object]  #: what is known of applied events; it changes when one comes


def check_webhook(
    endpoint: str,
    keys: Sequence[str],
    *,
    fake: str | None,
    seen: Seen,
    wait: float,
    sleep: Callable[[float], None],
) -> CheckResult:
    """Return whether *endpoint* takes the provider's signed events.

    *fake* is the URL of a fake provider, which posts a signed event now. Otherwise the provider has
    *wait* seconds to post one, which *seen* shows; 0 says how a person lets it.
    """
    status = _ask("GET", endpoint)[0]
    if status == 0:
        step = f"start digest run behind {_site(endpoint)}, then: digest setup"
        return warning(ABOUT, f"not tested: nothing answers at {endpoint}", step)
    if status != HTTPStatus.METHOD_NOT_ALLOWED:
        step = "make your web server pass this URL to digest run, without a redirect"
        return warning(ABOUT, f"{endpoint} answers {status}, and isn't Digest", step)
    return _by_fake(endpoint, keys, fake) if fake else _by_provider(endpoint, seen, wait, sleep)


def _by_fake(endpoint: str, keys: Sequence[str], fake: str) -> CheckResult:
    """Let the fake post a signed list without an event."""
    _, key = _ask("GET", f"{fake}/_fake/webhook-key")
    if key.decode("ascii", "replace").strip() not in keys:
        return refused(
            ABOUT,
            "the fake SendGrid signs with another key",
            "copy the key that it printed when it started",
        )
    wish = orjson.dumps({"to": endpoint, "raw": "[]"})
    status, told = _ask("POST", f"{fake}/_fake/events", wish)
    posted = orjson.loads(told) if status == HTTPStatus.OK else {}
    if posted.get("last_status") == HTTPStatus.NO_CONTENT:
        return fine(ABOUT, f"{endpoint} accepted a signed test request")
    answered = posted.get("last_status", status)
    return refused(ABOUT, f"a signed test request got {answered}", "check the log of digest run")


def _by_provider(
    endpoint: str, seen: Seen, wait: float, sleep: Callable[[float], None]
) -> CheckResult:
    before = seen()
    for _ in range(int(wait / _PAUSE)):
        if seen() != before:
            return fine(ABOUT, f"{endpoint} accepted a signed event from the provider")
        sleep(_PAUSE)
    if wait:
        step = f"{PRESS}; the log of digest run says why a request is refused"
        return warning(ABOUT, f"{endpoint} answers, but no event came in {wait:.0f} seconds", step)
    step = f"{PRESS}, after: digest setup --yes --wait 120"
    return warning(ABOUT, f"{endpoint} answers; not yet tested with a signed event", step)


def _site(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"


def _ask(method: str, url: str, body: bytes = b"") -> tuple[int, bytes]:
    """Return status and body of one request that follows no redirect; status 0 for no answer."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=SECONDS)
    try:
        connection.request(method, parts.path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, HTTPException, ValueError):
        return 0, b""
    finally:
        connection.close()
