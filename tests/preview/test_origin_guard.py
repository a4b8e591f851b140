"""The origin guard: the preview answers only its own pages on this machine (H10)."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx2
import pytest

from digest.preview.origin_guard import ASK_FOR_LINK
from tests.preview.conftest import SECRET, TOKEN, Site

OTHERS = [
    "evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1:x",
    "127.0.0.1@evil.example",
    "localhost.evil.example:8025",
    "169.254.169.254",
    "[::ffff:127.0.0.1]",
]
PATHS = ["/", "/parts", "/stage?view=request", "/stage?view=headers", "/mail", "/stage?view=source"]


@pytest.mark.parametrize("host", OTHERS)
def test_H10_another_name_for_this_machine_is_refused(read_only_site: Site, host: str) -> None:
    assert read_only_site.client.get("/", headers={"Host": host}).status_code == 403


def test_H10_the_desk_listens_on_this_machine_only(read_only_site: Site) -> None:
    assert read_only_site.url.startswith("http://127.0.0.1:")
    assert read_only_site.client.get("/").status_code == 200


@pytest.mark.parametrize("path", [*PATHS, "/events", "/desk.js", "/?token=", "/?token=wrong"])
@pytest.mark.parametrize("cookie", ["", "wrong", "\u00e4"])
def test_who_has_not_the_link_sees_nothing(read_only_site: Site, path: str, cookie: str) -> None:
    name = f"digest-desk-{urlsplit(read_only_site.url).port}"
    headers = {b"Cookie": f"{name}={cookie}".encode()}
    answer = httpx2.get(f"{read_only_site.url}{path}", headers=headers)

    assert (answer.status_code, answer.text) == (403, ASK_FOR_LINK)


@pytest.mark.parametrize("path", ["/decide", "/approve", "/test", "/spam", "/reader"])
def test_who_has_not_the_link_changes_nothing(read_only_site: Site, path: str) -> None:
    answer = httpx2.post(
        f"{read_only_site.url}{path}?token={TOKEN}",
        content=b'{"act": "undo"}',
        headers={"Content-Type": "application/json", "Origin": read_only_site.url},
    )

    assert (answer.status_code, answer.text) == (403, ASK_FOR_LINK)


def test_the_link_lets_its_browser_in_and_leaves_no_token_in_the_address(
    read_only_site: Site,
) -> None:
    with httpx2.Client(base_url=read_only_site.url) as browser:
        led = browser.get(f"/stage?view=headers&token={TOKEN}")
        then = browser.get(led.headers["location"])

    assert (led.status_code, led.headers["location"]) == (303, "/stage?view=headers")
    assert led.headers["set-cookie"].endswith("; HttpOnly; Path=/; SameSite=strict")
    assert then.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Content-Type": "application/json"},
        {"Content-Type": "application/json"},
        {"Origin": "OWN", "Content-Type": "text/plain"},
        {"Origin": "OWN", "Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_another_site_can_not_make_a_browser_decide(
    read_only_site: Site, headers: dict[str, str]
) -> None:
    fields = {name: value.replace("OWN", read_only_site.url) for name, value in headers.items()}
    answer = read_only_site.client.post("/decide", content=b'{"act": "undo"}', headers=fields)

    assert answer.status_code == 403


def test_through_a_tunnel_the_desk_answers_at_another_port(read_only_site: Site) -> None:
    """`ssh -L 9000:127.0.0.1:8025` brings the browser's own port in Host and Origin."""
    tunnelled = {"Host": "localhost:9000", "Content-Type": "application/json"}
    client = read_only_site.client
    assert client.get("/", headers=tunnelled).status_code == 200
    for origin, status in (
        ("http://localhost:9000", 409),  # it is let in, and there is no such reader
        (read_only_site.url, 403),
        ("http://127.0.0.1:9000", 403),
        ("http://localhost:9001", 403),
        ("https://localhost:9000", 403),
        ("http://localhost", 403),
        ("null", 403),
    ):
        order = client.post(
            "/decide", content=b'{"act": "x"}', headers={**tunnelled, "Origin": origin}
        )
        assert order.status_code == status, origin


def test_nothing_is_changed_by_looking(read_only_site: Site) -> None:
    for path in ("/decide", "/approve", "/test", "/reader"):
        assert read_only_site.client.get(path).status_code == 405


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_a_policy_and_tells_nothing(read_only_site: Site, path: str) -> None:
    headers = read_only_site.client.get(path).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


def test_a_mail_is_shown_in_a_sandbox_in_which_nothing_runs(read_only_site: Site) -> None:
    policy = read_only_site.client.get("/mail").headers["content-security-policy"]

    assert "sandbox allow-same-origin;" in policy
    assert "allow-scripts" not in policy
    assert "frame-ancestors 'self'" in policy


@pytest.mark.parametrize("path", PATHS)
def test_no_secret_and_no_readers_address_is_on_any_page(read_only_site: Site, path: str) -> None:
    body = read_only_site.client.get(path).text

    assert SECRET not in body
    assert "lena@example.org" not in body


def test_a_subscriber_is_looked_up_by_address_and_known_by_number(read_only_site: Site) -> None:
    found = read_only_site.post("/reader", address="Lena@Example.org").json()["reader"]

    assert found.startswith("id:")
    assert (
        "lena@example.org" in read_only_site.client.get(f"/stage?view=headers&reader={found}").text
    )
    assert "x" * 32 in read_only_site.client.get(f"/stage?view=headers&reader={found}").text
    assert read_only_site.post("/reader", address="who@example.org").status_code == 404
    assert read_only_site.post("/reader", address="nonsense").status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/desk.css/../../../pyproject.toml",
        "/mail?case=../../etc/passwd",
        "/mail?edition=/etc/passwd",
        "/.env",
        "/digest.db",
    ],
)
def test_H10_no_path_leads_to_a_file(read_only_site: Site, path: str) -> None:
    answer = read_only_site.client.get(path)

    assert "root:" not in answer.text
    assert SECRET not in answer.text
    assert answer.status_code in {200, 404}


def test_H10_a_template_can_not_leave_its_folder(site: Site) -> None:
    site.editor.write("secret.txt", "treasure")
    site.editor.template("issue.txt", lambda _: "{% include '../../secret.txt' %}")
    snapshot = site.editor.desk.renew()

    assert snapshot.faults
    assert "treasure" not in str(snapshot.faults)


def test_H10_no_mjml_reads_a_file(site: Site) -> None:
    path = site.editor.write("secret.mjml", "treasure")
    site.editor.template("partials/footer.mjml", lambda _: f'<mj-include path="{path}" />')
    snapshot = site.editor.desk.renew()

    assert "isn't supported" in snapshot.faults[0].what


@pytest.mark.parametrize(
    "reach",
    [
        "{{ issue.__class__.__mro__ }}",
        "{{ issue.__init__.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ cycler.__init__.__globals__.os.environ }}",
        "{{ config }}",
        "{{ settings }}",
    ],
)
def test_no_template_reaches_the_settings_or_the_list(site: Site, reach: str) -> None:
    site.editor.template("issue.txt", lambda _: reach)

    assert site.editor.desk.renew().faults


def test_a_body_without_end_is_not_read(read_only_site: Site) -> None:
    answer = read_only_site.client.post(
        "/decide",
        content=b'"' + b"x" * 200_000,
        headers={"Content-Type": "application/json", "Origin": read_only_site.url},
    )

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/decide", {"act": "format"}),
        ("/decide", {"act": "pin", "slug": "no-such-comparison"}),
        ("/decide", {"act": "move", "slug": "tidepool-notes-vs-marginalia-loop", "to": [1]}),
        ("/approve", {"by": "Kim", "accepted": 5, "seen": "nothing"}),
        ("/test", {}),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    read_only_site: Site, path: str, fields: dict[str, object]
) -> None:
    answer = read_only_site.post(path, **fields)

    assert answer.status_code == 409
    assert answer.json()["fault"]


def test_a_reader_whose_number_fits_nowhere_is_any_reader(read_only_site: Site) -> None:
    answer = read_only_site.client.get(f"/mail?reader=id:{'9' * 40}")

    assert answer.status_code == 200
