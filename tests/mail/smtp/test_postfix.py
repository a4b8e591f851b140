"""SMTP's transport against a real Postfix, which delivers into a Maildir."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy

import pytest

from digest.mail.smtp import RelayAddress, RelaySecurity
from digest.mail.transport import Transport
from tests.mail.smtp.postfix_server import (
    RunningPostfix,
    postfix_can_run,
    running_postfix,
    wait_for,
)
from tests.mail.smtp.relay import a_provider
from tests.mail.test_transports import Delivered, DeliveredMail, TransportContract, parsed_mail

pytestmark = pytest.mark.skipif(
    not postfix_can_run(), reason="Postfix isn't here, or the tests aren't root"
)
CATCH_ALL = "@example.org"


@pytest.fixture(scope="module")
def shared_postfix() -> Iterator[RunningPostfix]:
    with running_postfix(CATCH_ALL) as postfix:
        yield postfix


@pytest.fixture
def postfix(shared_postfix: RunningPostfix) -> RunningPostfix:
    wait_for(lambda: not queued(shared_postfix), shared_postfix)
    for path in shared_postfix.mails(CATCH_ALL):
        path.unlink()
    return shared_postfix


def queued(postfix: RunningPostfix) -> bool:
    """Return whether a mail still waits to be delivered."""
    queues = [postfix.folder / "queue" / name for name in ("incoming", "active", "deferred")]
    return any(path.is_file() for queue in queues for path in queue.rglob("*"))


class TestSMTPThroughPostfix(TransportContract):
    full = 50  # it syncs each mail to the disk

    @pytest.fixture
    def transport(self, postfix: RunningPostfix) -> Transport:
        relay = RelayAddress(host="127.0.0.1", port=postfix.port, security=RelaySecurity.NONE)
        return a_provider(relay, seconds=120).transport()

    @pytest.fixture
    def delivered(self, postfix: RunningPostfix) -> Delivered:
        def read() -> list[DeliveredMail]:
            wait_for(lambda: not queued(postfix), postfix)
            mails = [
                parsed_mail(message_from_bytes(path.read_bytes(), policy=policy.default))
                for path in postfix.mails(CATCH_ALL)
            ]
            return sorted(mails, key=lambda mail: mail.address)  # it delivers in any order

        return read

    @pytest.fixture
    def unreachable(self) -> Transport:
        nowhere = RelayAddress(host="127.0.0.1", port=9, security=RelaySecurity.NONE)
        return a_provider(nowhere, seconds=5).transport()
