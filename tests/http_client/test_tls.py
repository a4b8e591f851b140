from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from digest.http_client import (
    AddressRules,
    Limits,
    OutboundClient,
    OutboundFault,
    OutboundRefused,
)
from tests.http_client.hostile_server import HostileServer, hostile_server

LIMITS = Limits(bytes=1_000_000, seconds=60)


class Trusting(NamedTuple):
    """A server whose certificate is valid for site.test, and a client that trusts it."""

    server: HostileServer
    client: OutboundClient


def certificate(folder: Path, name: str) -> Path:
    """Write a key, and a certificate for *name* that it signs itself, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trusting]:
    file = certificate(tmp_path_factory.mktemp("tls"), "site.test")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    with (
        hostile_server(tls=tls) as server,
        OutboundClient(
            user_agent="tests",
            rules=AddressRules.allowing("127.0.0.0/8"),
            resolve=lambda _: ["127.0.0.1"],
            tls=ssl.create_default_context(cafile=str(file)),
        ) as client,
    ):
        yield Trusting(server, client)


def refusal(trusting: Trusting, host: str, path: str) -> OutboundRefused:
    with pytest.raises(OutboundRefused) as refused:
        trusting.client.get(f"https://{host}:{trusting.server.port}{path}", limits=LIMITS)
    return refused.value


def test_the_name_stays_while_the_address_is_connected_to(trusting: Trusting) -> None:
    url = f"https://site.test:{trusting.server.port}/plain"
    assert trusting.client.get(url, limits=LIMITS).body == b"hello"
    assert trusting.server.names[-1] == "site.test"
    assert f"Host: site.test:{trusting.server.port}" in trusting.server.asked[-1]


def test_a_certificate_for_another_name_is_refused(trusting: Trusting) -> None:
    fault = refusal(trusting, "other.test", "/plain")
    assert fault.fault is OutboundFault.CERTIFICATE


def test_a_handshake_that_never_ends_has_the_same_time_limit(
    trusting: Trusting, server: HostileServer
) -> None:
    limits = Limits(bytes=1_000_000, seconds=0.3)
    with pytest.raises(OutboundRefused) as refused:  # this server waits for a line of HTTP
        trusting.client.get(f"https://site.test:{server.port}/", limits=limits)
    assert refused.value.fault is OutboundFault.TOO_SLOW


def test_a_redirect_never_gives_up_encryption(trusting: Trusting, server: HostileServer) -> None:
    asked = len(server.asked)
    fault = refusal(trusting, "site.test", f"/to?url={quote(server.url + '/plain')}")
    assert (fault.fault, len(server.asked)) == (OutboundFault.REDIRECT, asked)
    assert str(fault).endswith("redirects from https to http")
