"""A Postfix of the tests: its own folder, ports and users, on this machine alone."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

SECONDS = 60  #: the longest wait for anything
#: Services that pass a mail on, by the programs that run them.
_SERVICES = """\
postlog   unix-dgram n - n - 1 postlogd
cleanup   unix  n  -  n  -  0  cleanup
qmgr      unix  n  -  n  300 1 qmgr
rewrite   unix  -  -  n  -  -  trivial-rewrite
bounce    unix  -  -  n  -  0  bounce
defer     unix  -  -  n  -  0  bounce
trace     unix  -  -  n  -  0  bounce
proxymap  unix  -  -  n  -  -  proxymap
virtual   unix  -  n  n  -  -  virtual
error     unix  -  -  n  -  -  error
retry     unix  -  -  n  -  -  error
anvil     unix  -  -  n  -  1  anvil
"""


class NoPostfix(Exception):
    """Postfix isn't installed, or the tests don't run as root."""


@dataclass(frozen=True)
class RunningPostfix:
    """A Postfix that listens on 127.0.0.1; mail to its domains ends in Maildirs."""

    folder: Path
    port: int

    def maildir(self, address: str) -> Path:
        """Return the Maildir of a mailbox that was named at the start."""
        return self.folder / "mail" / address

    def mails(self, address: str) -> list[Path]:
        """Return the mails in a mailbox."""
        return sorted((self.maildir(address) / "new").glob("*"))

    @property
    def log(self) -> str:
        """What Postfix has logged."""
        path = self.folder / "log"
        return path.read_text("utf-8", "replace") if path.exists() else ""


def postfix_can_run() -> bool:
    """Return whether `running_postfix` finds what it needs."""
    return os.geteuid() == 0 and shutil.which("postfix") is not None


@contextmanager
def running_postfix(*mailboxes: str) -> Iterator[RunningPostfix]:
    """Run a Postfix with these mailboxes; any other address of their domains bounces.

    It takes mail for unknown mailboxes, and returns it with a delivery report: a relay that
    couldn't deliver does the same. Raise `NoPostfix`.
    """
    program = shutil.which("postfix")
    if program is None or os.geteuid() != 0:
        raise NoPostfix
    with TemporaryDirectory(prefix="postfix-") as place:
        folder = Path(place)
        folder.chmod(0o755)  # Postfix's own users pass through it
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        _write(folder, port, mailboxes)
        # In the foreground, so that it is this process's child and is ended by its id.
        server = subprocess.Popen(  # noqa: S603 - the server's own program
            [program, "-c", folder / "etc", "start-fg"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            running = RunningPostfix(folder, port)
            wait_for(lambda: _answers(port), running)
            yield running
        finally:
            server.terminate()
            server.wait(SECONDS)


def wait_for(true: Callable[[], bool], postfix: RunningPostfix) -> None:
    """Wait until something is so; fail with Postfix's log after `SECONDS`."""
    last = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < last, postfix.log
        time.sleep(0.02)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


def _write(folder: Path, port: int, mailboxes: tuple[str, ...]) -> None:
    owner = pwd.getpwnam("nobody")
    for name in ("etc", "queue", "data", "mail"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    shutil.chown(folder / "mail", owner.pw_uid, owner.pw_gid)
    settings = {
        "compatibility_level": "3.6",
        "queue_directory": folder / "queue",
        "data_directory": folder / "data",
        "maillog_file": folder / "log",
        "maillog_file_prefixes": folder,
        "myhostname": "mx.test.example",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "mynetworks": "127.0.0.1/32",
        "mydestination": "",
        "alias_maps": "",
        "local_recipient_maps": "",
        "recipient_delimiter": "+",
        "virtual_mailbox_domains": " ".join({box.partition("@")[2] for box in mailboxes}),
        "virtual_mailbox_maps": f"texthash:{folder / 'etc' / 'mailboxes'}",
        "virtual_mailbox_base": folder / "mail",
        "virtual_uid_maps": f"static:{owner.pw_uid}",
        "virtual_gid_maps": f"static:{owner.pw_gid}",
        "virtual_minimum_uid": 1,
        "smtpd_reject_unlisted_recipient": "no",
        "smtputf8_enable": "no",
        "default_process_limit": 5,
    }
    lines = [f"{name} = {value}\n" for name, value in settings.items()]
    (folder / "etc" / "main.cf").write_text("".join(lines))
    listener = f"127.0.0.1:{port} inet n - n - - smtpd\n"
    (folder / "etc" / "master.cf").write_text(listener + _SERVICES)
    boxes = "".join(f"{box} {box}/\n" for box in mailboxes)
    (folder / "etc" / "mailboxes").write_text(boxes)
