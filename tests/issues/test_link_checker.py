"""The link checker: requests links only on demand, and never a reader's own link."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from digest.http_client import AddressRules, OutboundClient
from digest.issues.checking import check_link, unreachable
from tests.http_client.hostile_server import HostileServer, hostile_server

TAG = "-digest_unsubscribe_token-"


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


@pytest.fixture(scope="module")
def client() -> Iterator[OutboundClient]:
    rules = AddressRules.allowing("127.0.0.1/32")
    with OutboundClient(user_agent="tests", rules=rules) as made:
        yield made


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/plain", ""),
        ("/old", ""),
        ("/status?code=404", "answers 404"),
        ("/status?code=500", "answers 500"),
        ("/status?code=401", ""),
        ("/status?code=403", ""),
        ("/status?code=429", ""),
        ("/announced", ""),
    ],
)
def test_a_link_is_asked_whether_it_answers(
    server: HostileServer, client: OutboundClient, path: str, said: str
) -> None:
    assert check_link(client, server.url + path) == said


def test_a_server_that_is_not_there_is_reported(client: OutboundClient) -> None:
    said = check_link(client, "http://127.0.0.1:1/")
    assert said == "doesn't answer (http://127.0.0.1:1 takes no connection)"


def test_a_link_to_an_inner_address_is_reported_and_not_asked(
    server: HostileServer, client: OutboundClient
) -> None:
    asked = len(server.asked)
    said = check_link(client, f"http://127.0.0.2:{server.port}/plain")
    assert said == "doesn't answer (127.0.0.2 is a loopback address)"
    assert len(server.asked) == asked


def test_each_link_is_asked_once_and_a_readers_own_never() -> None:
    asked: list[str] = []

    def note(url: str) -> str:
        asked.append(url)
        return "answers 404" if url.endswith("gone") else ""

    html = (
        '<a href="https://a.example/">x</a>\n<a href="https://a.example/">y</a>'
        f'<a href="https://a.example/u/{TAG}">z</a><img src="https://a.example/gone">'
        '<a href="javascript:x">w</a>'
    )
    warnings = unreachable(html, [TAG], note)

    assert sorted(asked) == ["https://a.example/", "https://a.example/gone"]
    assert [(finding.rule, finding.line) for finding in warnings] == [("unreachable", 2)]
