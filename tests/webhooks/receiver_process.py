"""A receiver in a process of its own, which fails as it is told, and keeps what it got in a file.

The file `faults.json` in its folder lists what it does with the first posts; `sender.pid` names the
process that "kill" is about.
"""

from __future__ import annotations

import json
import os
import signal
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.connection import Connection
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Writes each post down, and then does what is next on the list."""

    folder: Path
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        got = self.folder / "got.jsonl"
        number = len(got.read_text().splitlines()) if got.exists() else 0
        faults = json.loads((self.folder / "faults.json").read_text())
        fault = faults[number] if number < len(faults) else "take"
        post = {"fault": fault, "body": body.decode(), "headers": dict(self.headers)}
        with got.open("a") as file:
            file.write(json.dumps(post) + "\n")
        self.close_connection = True
        if fault == "die":
            os._exit(1)
        elif fault == "kill":  # taken, and the sender dies before it hears of that
            os.kill(int((self.folder / "sender.pid").read_text()), signal.SIGKILL)
        elif fault == "hang":
            self.rfile.read(1)  # until the sender gives up
        elif fault != "break off":
            self.answer(fault)

    def answer(self, fault: str) -> None:
        self.send_response({"take": 204, "redirect": 302}.get(fault) or int(fault))
        if fault == "redirect":
            self.send_header("Location", "http://169.254.169.254/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def serve(folder: Path, port: int, told: Connection) -> None:
    """Serve on a port, 0 for any, and tell which it is; it ends when it is told to die."""
    Handler.folder = folder
    server = HTTPServer(("127.0.0.1", port), Handler)
    told.send(server.server_port)
    server.serve_forever()
