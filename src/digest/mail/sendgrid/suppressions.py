"""Hides how an address is removed from SendGrid's suppression lists."""

from __future__ import annotations

import logging
from urllib.parse import quote

from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient

_LISTS = ("bounces", "blocks", "spam_reports", "invalid_emails")
_NOT_LISTED = 404  # the address isn't on this list
log = logging.getLogger(__name__)


class SendGridSuppressions:
    """Removes addresses from SendGrid's suppression lists; *seconds* limits one request."""

    def __init__(self, *, api_key: str, url: str, seconds: float) -> None:
        # At DEBUG the package's logger prints the API key and every address.
        logging.getLogger("python_http_client").disabled = True
        self._sendgrid = SendGridAPIClient(api_key, host=url.rstrip("/"))
        self._sendgrid.client.timeout = seconds

    def __repr__(self) -> str:
        """Return the provider's host, never the API key."""
        return f"SendGridSuppressions({self._sendgrid.host!r})"

    def remove(self, address: str) -> bool:
        """Remove an address from every list; return false if SendGrid fails or refuses."""
        client, name = self._sendgrid.client, quote(address, safe="@")
        paths = [client.suppression._(suppression_list)._(name) for suppression_list in _LISTS]
        paths.append(client.asm.suppressions._("global")._(name))
        return all(self._delete(path) for path in paths)

    @staticmethod
    def _delete(path: object) -> bool:
        try:
            path.delete()  # type: ignore[attr-defined]  # the package has no types
        except HTTPError as fault:
            if fault.status_code == _NOT_LISTED:
                return True
            log.warning("a suppression could not be lifted: status %s", fault.status_code)
            return False
        except OSError as fault:
            log.warning("a suppression could not be lifted: %s", type(fault).__name__)
            return False
        return True
