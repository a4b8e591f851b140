"""SendGrid's own lists of addresses it won't mail: takes one off them."""

from __future__ import annotations

import logging
from urllib.parse import quote

from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient

_LISTS = ("bounces", "blocks", "spam_reports", "invalid_emails")
_GONE = 404  # it isn't on that list
log = logging.getLogger(__name__)


class SendGridSuppressions:
    """Asks SendGrid to mail an address again."""

    def __init__(self, *, api_key: str, url: str, seconds: float) -> None:
        # At DEBUG that package's logger prints the key and every address.
        logging.getLogger("python_http_client").disabled = True
        self._sendgrid = SendGridAPIClient(api_key, host=url.rstrip("/"))
        self._sendgrid.client.timeout = seconds

    def __repr__(self) -> str:
        """Tell the provider's address, never the key."""
        return f"Reopener({self._sendgrid.host!r})"

    def reopen(self, address: str) -> bool:
        """Take an address off every list; false when SendGrid can't be asked or refuses."""
        client, name = self._sendgrid.client, quote(address, safe="@")
        paths = [client.suppression._(each)._(name) for each in _LISTS]
        paths.append(client.asm.suppressions._("global")._(name))
        return all(self._delete(path) for path in paths)

    @staticmethod
    def _delete(path: object) -> bool:
        try:
            path.delete()  # type: ignore[attr-defined]  # the package has no types
        except HTTPError as fault:
            if fault.status_code == _GONE:
                return True
            log.warning("a suppression could not be lifted: status %s", fault.status_code)
            return False
        except OSError as fault:
            log.warning("a suppression could not be lifted: %s", type(fault).__name__)
            return False
        return True
