"""A relay for the length of a test: started as a process, given faults by a file, read, stopped."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from digest.mail.provider import Provider
from digest.mail.smtp import RelayAddress, RelaySecurity, smtp_provider
from digest.mail.smtp.return_path import ReturnPaths
from subscribers.tokens import Hashes, MailTokens

PROGRAM = Path(__file__).with_name("relay_process.py")
SECRET = "a secret for tests only, long enough"
PATHS = ReturnPaths(tokens=MailTokens([SECRET]), hashes=Hashes([SECRET]))
FOREVER = timedelta(days=365)


class TakenMail(NamedTuple):
    """A mail that the relay has taken, with its envelope."""

    sender: str
    recipient: str
    raw: bytes

    @property
    def parsed(self) -> EmailMessage:
        return message_from_bytes(self.raw.replace(b"\r\n", b"\n"), policy=policy.default)


@dataclass
class RunningRelay:
    """A running relay: its port, and what it has taken."""

    port: int
    folder: Path
    certificate: Path | None = None
    process: subprocess.Popen[bytes] = field(kw_only=True, repr=False)

    def orders(self, **faults: str | Mapping[str, str]) -> None:
        """Order faults, by step, for what comes from now on."""
        temporary = self.folder / "faults.new"
        temporary.write_text(json.dumps(faults), "utf-8")
        temporary.rename(self.folder / "faults.json")

    def reset(self) -> None:
        """Forget the mails, the faults and the number of connections."""
        for path in self.folder.iterdir():
            path.unlink()

    @property
    def taken(self) -> list[TakenMail]:
        """The mails that the relay has taken, in this order."""
        mails = []
        for path in sorted(self.folder.glob("*.eml")):
            sender, recipient, raw = path.read_bytes().split(b"\n", 2)
            mails.append(TakenMail(sender.decode(), recipient.decode(), raw))
        return mails

    @property
    def connections(self) -> int:
        """How many connections were made."""
        path = self.folder / "connections"
        return len(path.read_text("ascii").split()) if path.exists() else 0

    def address(
        self,
        security: RelaySecurity = RelaySecurity.NONE,
        *,
        user: str = "",
        password: str = "",
        host: str = "127.0.0.1",
    ) -> RelayAddress:
        """Return how to reach it; its certificate is trusted."""
        return RelayAddress(
            host=host, port=self.port, security=security, user=user, password=password,
            tls=lambda: ssl.create_default_context(cafile=self.certificate),
        )  # fmt: skip

    def provider(self, relay: RelayAddress | None = None, *, seconds: float = 30) -> Provider:
        """Return SMTP's record for it."""
        return a_provider(relay or self.address(), seconds=seconds)


def a_provider(
    relay: RelayAddress, *, seconds: float = 30, bounce_address: str = "bounces@example.com"
) -> Provider:
    return smtp_provider(
        relay=relay,
        seconds=seconds,
        return_paths=lambda: PATHS,
        bounce_address=bounce_address,
    )


@contextmanager
def running_relay(
    folder: Path,
    *,
    security: RelaySecurity = RelaySecurity.NONE,
    certificate: Path | None = None,
    user: str = "",
    password: str = "",
    offers: tuple[str, ...] = ("PIPELINING",),
    most_bytes: int = 10_000_000,
) -> Iterator[RunningRelay]:
    """Run a relay for as long as the context lasts."""
    folder.mkdir(exist_ok=True)
    options = {
        "security": security, "certificate": str(certificate or ""), "user": user,
        "password": password, "offers": offers, "most_bytes": most_bytes,
    }  # fmt: skip
    command = [sys.executable, str(PROGRAM), str(folder), json.dumps(options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            yield RunningRelay(port, folder, certificate, process=process)
        finally:
            process.kill()


def make_certificate(path: Path, *, valid: timedelta = FOREVER, address: str = "127.0.0.1") -> Path:
    """Write a key and a certificate for an address, valid for so long from yesterday on."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "relay.example")])
    begin = datetime.now(UTC) - timedelta(days=1)
    names = [x509.IPAddress(ip_address(address))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + valid)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    return path
