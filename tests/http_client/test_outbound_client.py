from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.parse import quote

import pytest

from digest.http_client import (
    AddressRules,
    Limits,
    OutboundClient,
    OutboundFault,
    OutboundRefused,
)
from tests.http_client.conftest import AGENT
from tests.http_client.hostile_server import HostileServer, hostile_server

USUAL = Limits(bytes=1_000_000, seconds=60)
SHORT = Limits(bytes=1_000_000, seconds=0.3)
#: The address of a machine elsewhere, which is reached by no test.
ELSEWHERE = "93.184.216.34"


def refusal(ask: Callable[[], object]) -> OutboundRefused:
    with pytest.raises(OutboundRefused) as refused:
        ask()
    assert refused.value.next_step
    return refused.value


class Rebinding:
    """A resolver that gives the next of its answers each time."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), list[str]()

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0)


def resolving(*answers: list[str], allowed: str = "127.0.0.0/8") -> OutboundClient:
    rules = AddressRules.allowing(allowed)
    return OutboundClient(user_agent=AGENT, rules=rules, resolve=Rebinding(*answers))


@pytest.mark.parametrize("path", ["/plain", "/gzip", "/two-members", "/deflate", "/old"])
def test_a_body_comes_decompressed(
    server: HostileServer, client: OutboundClient, path: str
) -> None:
    answer = client.get(server.url + path, limits=USUAL)
    assert (answer.status, answer.body) == (200, b"hello")


def test_a_header_is_found_however_it_is_written(
    server: HostileServer, client: OutboundClient
) -> None:
    headers = client.get(server.url + "/plain", limits=USUAL).headers
    assert [headers["etag"], headers["ETag"]] == ['"one"', '"one"']


def test_the_last_address_is_told_without_its_part(
    server: HostileServer, client: OutboundClient
) -> None:
    assert client.get(server.url + "/old", limits=USUAL).url == server.url + "/plain"


@pytest.mark.parametrize(
    ("path", "status"), [("/missing", 404), ("/unchanged", 304), ("/nowhere", 302)]
)
def test_any_status_is_an_answer(
    server: HostileServer, client: OutboundClient, path: str, status: int
) -> None:
    assert client.get(server.url + path, limits=USUAL).status == status


def test_a_redirected_post_goes_nowhere(server: HostileServer, client: OutboundClient) -> None:
    answer = client.post(server.url + "/old", body=b"{}", limits=USUAL)
    assert (answer.status, server.asked[-1].split()[:2]) == (301, ["POST", "/old"])


def test_a_body_that_is_as_large_as_allowed_comes(
    server: HostileServer, client: OutboundClient
) -> None:
    limits = Limits(bytes=5, seconds=60)
    assert client.get(server.url + "/plain", limits=limits).body == b"hello"


def test_a_client_serves_many_threads(server: HostileServer, client: OutboundClient) -> None:
    bodies: list[bytes] = []

    def ask() -> None:
        bodies.append(client.get(server.url + "/gzip", limits=USUAL).body)

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bodies == [b"hello"] * 30


def test_a_request_names_its_sender(server: HostileServer, client: OutboundClient) -> None:
    client.get(server.url + "/plain", headers={"If-None-Match": '"\u00e9"'}, limits=USUAL)
    head = server.asked[-1].splitlines()
    assert f"User-Agent: {AGENT}" in head
    assert 'If-None-Match: "\u00e9"'.encode().decode("latin-1") in head


def test_no_cookie_is_sent_back(server: HostileServer, client: OutboundClient) -> None:
    for _ in range(2):
        client.get(server.url + "/plain", limits=USUAL)
    assert "cookie" not in server.asked[-1].lower()


def test_a_proxy_of_the_environment_is_not_used(
    server: HostileServer,
    client: OutboundClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert client.get(server.url + "/plain", limits=USUAL).status == 200


def test_a_line_break_in_a_header_is_refused(server: HostileServer, client: OutboundClient) -> None:
    headers = {"If-None-Match": "a\r\nX-Other: b"}
    fault = refusal(lambda: client.get(server.url + "/plain", headers=headers, limits=USUAL))
    assert fault.fault is OutboundFault.MALFORMED


@pytest.mark.parametrize("path", ["/bomb", "/members", "/announced", "/unannounced", "/chunks"])
def test_too_many_bytes_end_in_an_error(
    server: HostileServer, client: OutboundClient, path: str
) -> None:
    fault = refusal(lambda: client.get(server.url + path, limits=USUAL))
    assert (fault.fault, str(fault)) == (
        OutboundFault.TOO_LARGE,
        f"{server.url} sends more than the limit of 1,000,000 bytes",
    )


@pytest.mark.parametrize("path", ["/drip", "/drip-head", "/silent", "/continue"])
def test_what_never_ends_is_over_after_the_time_for_all_of_it(
    server: HostileServer, client: OutboundClient, path: str
) -> None:
    fault = refusal(lambda: client.get(server.url + path, limits=SHORT))
    assert (fault.fault, str(fault)) == (
        OutboundFault.TOO_SLOW,
        f"{server.url} didn't answer in full within 0.3 seconds",
    )


@pytest.mark.parametrize(
    "path",
    ["/long-head", "/chatter", "/closed", "/cut", "/half-gzip", "/no-gzip", "/brotli"],
)
def test_what_is_no_whole_answer_ends_in_an_error(
    server: HostileServer, client: OutboundClient, path: str
) -> None:
    fault = refusal(lambda: client.get(server.url + path, limits=USUAL))
    assert fault.fault is OutboundFault.MALFORMED


def test_a_time_that_is_over_before_the_request_is_too_slow(client: OutboundClient) -> None:
    over = Limits(bytes=1, seconds=0)
    fault = refusal(lambda: client.get("http://127.0.0.1:1/", limits=over))
    assert fault.fault is OutboundFault.TOO_SLOW


def test_a_port_where_nobody_listens_is_unreachable(client: OutboundClient) -> None:
    with hostile_server() as gone:
        url = gone.url
    fault = refusal(lambda: client.get(url, limits=USUAL))
    assert (fault.fault, str(fault)) == (
        OutboundFault.UNREACHABLE,
        f"{url} takes no connection",
    )


def test_a_post_has_the_same_bounds(server: HostileServer, client: OutboundClient) -> None:
    fault = refusal(lambda: client.post(server.url + "/bomb", body=b"{}", limits=USUAL))
    assert fault.fault is OutboundFault.TOO_LARGE


def test_a_connection_is_made_anew_after_an_error(
    server: HostileServer, client: OutboundClient
) -> None:
    refusal(lambda: client.get(server.url + "/bomb", limits=USUAL))
    assert client.get(server.url + "/plain", limits=USUAL).body == b"hello"


def test_a_redirect_without_an_end_is_refused(
    server: HostileServer, client: OutboundClient
) -> None:
    fault = refusal(lambda: client.get(server.url + "/loop", limits=USUAL))
    assert (fault.fault, str(fault)) == (
        OutboundFault.REDIRECT,
        f"{server.url} redirects more than 5 times",
    )


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "ftp://example.com/", "http://a:b@127.0.0.1/", "//[::", "//[-::1]"],
)
def test_a_redirect_to_no_web_address_is_refused(
    server: HostileServer, client: OutboundClient, target: str
) -> None:
    url = f"{server.url}/to?url={quote(target)}"
    fault = refusal(lambda: client.get(url, limits=USUAL))
    assert (fault.fault, str(fault)) == (
        OutboundFault.REDIRECT,
        f"{server.url} redirects to something that isn't a web address",
    )


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("127.0.0.2", "a loopback address"),
        ("169.254.169.254", "a link-local address"),
        ("[::ffff:127.0.0.2]", "a loopback address"),
        ("2130706434", "a loopback address"),
        ("0x7f.0.0.2", "a loopback address"),
    ],
)
def test_an_address_is_checked_after_a_redirect_too(
    server: HostileServer, target: str, kind: str
) -> None:
    rules = AddressRules.allowing("127.0.0.1/32")
    url = f"{server.url}/to?url={quote(f'http://{target}/latest?token=secret')}"
    with OutboundClient(user_agent=AGENT, rules=rules) as client:
        fault = refusal(lambda: client.get(url, limits=USUAL))
    assert fault.fault is OutboundFault.ADDRESS
    assert str(fault).startswith(f"{server.url} redirects to another address: ")
    assert str(fault).endswith(kind)
    assert "secret" not in str(fault)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0", "017700000001"])
def test_this_machine_is_not_asked_unless_allowed(server: HostileServer, host: str) -> None:
    asked = len(server.asked)
    with OutboundClient(user_agent=AGENT) as client:
        url = f"http://{host}:{server.port}/plain"
        fault = refusal(lambda: client.get(url, limits=USUAL))
    assert (fault.fault, len(server.asked)) == (OutboundFault.ADDRESS, asked)
    assert fault.next_step == "if this network is yours, name it in DIGEST_ALLOWED_NETWORKS"


def test_a_name_is_resolved_once_and_leads_where_it_led(server: HostileServer) -> None:
    rebinding = Rebinding(["127.0.0.1"], [ELSEWHERE])
    rules = AddressRules.allowing("127.0.0.0/8")
    with OutboundClient(user_agent=AGENT, rules=rules, resolve=rebinding) as client:
        for _ in range(3):  # the connection is kept, so nobody is asked again
            client.get(f"http://site.test:{server.port}/plain", limits=USUAL)
    assert rebinding.asked == ["site.test"]
    assert f"Host: site.test:{server.port}" in server.asked[-1]


def test_a_name_that_comes_to_lead_inside_is_refused(server: HostileServer) -> None:
    url = f"http://site.test:{server.port}/plain"
    with hostile_server("127.0.0.2") as inside:
        port = inside.port
        with resolving(["127.0.0.1"], ["127.0.0.2"], allowed="127.0.0.1/32") as client:
            client.get(url, limits=USUAL)
            fault = refusal(lambda: client.get(f"http://site.test:{port}/plain", limits=USUAL))
        assert inside.asked == []
    assert str(fault) == "site.test leads to 127.0.0.2, a loopback address"


def test_of_many_addresses_one_that_is_allowed_is_used(server: HostileServer) -> None:
    with resolving(["10.0.0.1", "127.0.0.1"]) as client:
        url = f"http://site.test:{server.port}/plain"
        assert client.get(url, limits=USUAL).status == 200


def test_an_address_that_does_not_answer_gives_way_to_the_next(server: HostileServer) -> None:
    with resolving(["127.0.0.9", "127.0.0.1"]) as client:
        url = f"http://site.test:{server.port}/plain"
        assert client.get(url, limits=USUAL).status == 200


def test_a_name_that_nobody_has_is_refused() -> None:
    def unknown(host: str) -> list[str]:
        raise OSError(host)

    with OutboundClient(user_agent=AGENT, resolve=unknown) as client:
        fault = refusal(lambda: client.get("http://nowhere.test/?k=v", limits=USUAL))
    assert (fault.fault, str(fault)) == (
        OutboundFault.NAME,
        "no server is called nowhere.test",
    )


def test_a_resolver_that_never_answers_has_the_same_time_limit() -> None:
    never = threading.Event()

    def silent(host: str) -> list[str]:
        never.wait()
        return []

    with OutboundClient(user_agent=AGENT, resolve=silent) as client:
        fault = refusal(lambda: client.get("http://site.test/", limits=SHORT))
    never.set()
    assert fault.fault is OutboundFault.TOO_SLOW


@pytest.mark.parametrize(
    "url",
    [
        "",
        "site.test/page",
        "file:///etc/passwd",
        "gopher://site.test/",
        "http://",
        "http://user:secret@site.test/",
        "http://site.test:port/",
        "http://site.test/\n",
        "http://site.test/" + "a" * 2000,
        "http://[::1",
        "http://site.test/\ud800",
    ],
)
def test_what_is_no_web_address_is_refused_unresolved(url: str) -> None:
    with resolving() as client:
        fault = refusal(lambda: client.get(url, limits=USUAL))
        again = refusal(lambda: client.post(url, body=b"", limits=USUAL))
    assert {fault.fault, again.fault} == {OutboundFault.URL}
    assert "secret" not in str(fault)
