"""The web servers that the manual puts in front of the service, with the files it tells to copy."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path

import pytest

from subscribers.web.client import client
from tests.delivery.untrusted_server import write_certificate

DEPLOY = Path(__file__).parents[2] / "deploy"
PROXY = "127.0.0.1"
VISITOR = "127.81.0.5"
TRUSTED = [ip_network("127.0.0.1/32")]  # as both files tell to set DIGEST_TRUSTED_PROXIES


class Echo(BaseHTTPRequestHandler):
    """Answer with what the service would be asked: the path, the host, and whence."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a request with its own head, and the size of its body."""
        size = len(self.rfile.read(int(self.headers["Content-Length"])))
        forwarded = self.headers.get_all("X-Forwarded-For", [])
        asked = {"path": self.path, "host": self.headers["Host"], "from": forwarded, "size": size}
        answer = json.dumps({**asked, "peer": self.client_address[0]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def upstream() -> Iterator[int]:
    server = ThreadingHTTPServer((PROXY, 0), Echo)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join(10)
    server.server_close()


def nginx(folder: Path, place: str, upstream: int) -> list[str]:
    """Write nginx's configuration around the shipped file, and return its command line."""
    site = (DEPLOY / "nginx.conf").read_text("utf-8")
    for old, new in [
        ("listen 80;", f"listen {place}:8080;"),
        ("listen 443 ssl;", f"listen {place}:8443 ssl;"),
        ("listen [::]:80;", ""),
        ("listen [::]:443 ssl;", ""),
        ("/etc/letsencrypt/live/news.example.com/fullchain.pem", "tls.pem"),
        ("/etc/letsencrypt/live/news.example.com/privkey.pem", "tls.pem"),
        ("127.0.0.1:8000", f"{PROXY}:{upstream}"),
    ]:
        assert old in site
        site = site.replace(old, new)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {kind};" for kind in kinds)
    head = f"daemon off; master_process off; pid nginx.pid; events {{}} http {{ {folders}"
    (folder / "nginx.conf").write_text(f"{head}\n{site}\n}}\n", "utf-8")
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    errors = ["-e", "stderr", "-g", "error_log stderr notice;"]
    return [program or "nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), *errors]


def caddy(folder: Path, place: str, upstream: int) -> list[str]:
    """Write Caddy's configuration from the shipped file, and return its command line."""
    site = (DEPLOY / "Caddyfile").read_text("utf-8")
    assert "\nnews.example.com {\n" in site
    options = "{\n admin off\n auto_https disable_redirects\n}\n"
    site = site.replace(
        "\nnews.example.com {\n",
        f"\nhttps://{place}:8443 {{\n bind {place}\n tls {folder}/tls.pem {folder}/tls.pem\n",
    ).replace("127.0.0.1:8000", f"{PROXY}:{upstream}")
    (folder / "Caddyfile").write_text(options + site, "utf-8")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@contextmanager
def serving(command: list[str], ready: str, folder: Path) -> Iterator[None]:
    """Run the web server *command* until the block ends; it has said *ready* before it begins."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        lines: list[str] = []
        for line in process.stderr:
            lines.append(line)
            if ready in line:
                break
        else:
            pytest.fail("".join(lines))
        drain = threading.Thread(target=process.stderr.read)
        drain.start()
        try:
            yield
        finally:
            process.terminate()
            drain.join(10)


@pytest.mark.parametrize(
    ("program", "write", "ready"),
    [
        ("nginx", nginx, "using the"),
        ("caddy", caddy, "serving initial configuration"),
    ],
)
def test_a_visitor_is_known_behind_the_web_server_of_the_manual(
    program: str,
    write: Callable[[Path, str, int], list[str]],
    ready: str,
    tmp_path: Path,
    upstream: int,
) -> None:
    if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip(f"{program} isn't here")
    place = f"127.81.{os.getpid() % 200 + 1}.{os.getpid() // 200 % 200 + 1}"
    write_certificate(tmp_path / "tls.pem", datetime.now(UTC) + timedelta(days=1), place)
    context = ssl._create_unverified_context()  # noqa: S323 - our own certificate, a moment old
    with serving(write(tmp_path, place, upstream), ready, tmp_path):
        connection = HTTPSConnection(
            place, 8443, context=context, source_address=(VISITOR, 0), timeout=10
        )
        host = "news.example.com" if program == "nginx" else f"{place}:8443"
        forged = {"Host": host, "X-Forwarded-For": "203.0.113.7"}
        events = b"x" * 1_900_000
        connection.request("POST", "/webhooks/sendgrid?a=%2F", body=events, headers=forged)
        asked = json.loads(connection.getresponse().read())
        connection.close()
    assert asked["path"] == "/webhooks/sendgrid?a=%2F"
    assert asked["host"] == host
    assert asked["size"] == len(events)
    assert str(client(asked["peer"], asked["from"], TRUSTED)) == VISITOR
