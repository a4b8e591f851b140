"""The provider's suppression lists, as far as lifting a suppression needs them."""

from __future__ import annotations

from digest.fake_sendgrid.http.http_message import (
    HttpRequest,
    HttpResponse,
    error_response,
    json_response,
)
from digest.fake_sendgrid.message_store import MessageStore

ROOT = "/v3/suppression/"
GLOBAL = "/v3/asm/suppressions/global/"  # DELETE lifts a global unsubscribe
#: The event kind that adds an address to each list.
LISTS = {"bounces": "bounce", "spam_reports": "spamreport", "unsubscribes": "unsubscribe"}


def answer(ledger: MessageStore, request: HttpRequest) -> HttpResponse:
    """Return the answer to GET of a list, or GET or DELETE of one address on it."""
    path = request.path.replace(GLOBAL, f"{ROOT}unsubscribes/", 1)
    name, _, address = path.removeprefix(ROOT).partition("/")
    kind = LISTS.get(name)
    if kind is None:
        return error_response(404, "not found")
    if request.method == "GET":
        entries = ledger.suppressed(kind)
        return json_response(
            [entry for entry in entries if not address or entry["email"] == address.lower()]
        )
    if request.method == "DELETE" and address:
        ledger.lift(address, kind)
        return HttpResponse(status=204)
    return error_response(405, "method not allowed")
