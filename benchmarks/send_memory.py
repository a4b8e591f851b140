"""The peak of `digest send`, which must not grow with the list; ends with 1 above the bound.

One process sends all of it, so that whatever a batch leaves behind adds up in one place.
Run: python -m benchmarks.send_memory [READERS]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.send import SECRET, fill
from benchmarks.sink import running_sink

ADDRESS = "1 Example Street, 12345 Example"
READERS = 200_000
MEGABYTES = 150  #: at most, at any number of readers


def plan(path: Path) -> None:
    """Freeze the issue's audience, in a mail that passes the checks."""
    from sqlmodel import select

    from digest.db import Database
    from digest.delivery.sending.planning import plan_deliveries
    from digest.issues.models import Edition, Issue
    from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG

    database = Database(f"sqlite:///{path}")
    with database.write() as session:
        edition = session.exec(select(Edition)).one()
        leave = f"https://news.example.com/u/{UNSUBSCRIBE_TAG}"
        prefer = f"https://news.example.com/p/{PREFERENCES_TAG}"
        link = '<a clicktracking="off" href="{}">Yours</a>'
        foot = f"{link.format(leave)} {link.format(prefer)} {ADDRESS}"
        head = "<head><title>Benchmark</title></head>"
        edition.html = f'<html lang="en">{head}<body>{edition.html}{foot}</body></html>'
        edition.text += f"\n{leave}\n{prefer}\n{ADDRESS}\n"
        plan_deliveries(
            session,
            issue=session.exec(select(Issue)).one(),
            edition=edition,
            newsletter="weekly",
            batch_size=1000,
            now=datetime.now(UTC),
        )
    database.close()


def send(path: Path, url: str) -> float:
    """Run the command as an operator does; megabytes at its peak."""
    settings = {
        "DATABASE_URL": f"sqlite:///{path}",
        "TRANSPORT": "sendgrid",
        "SENDGRID_URL": url,
        "SENDGRID_API_KEY": "benchmark",
        "SECRET": SECRET,
        "BASE_URL": "https://news.example.com",
        "POSTAL_ADDRESS": ADDRESS,
        "CONCURRENCY": "1",
    }
    usual = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST")}
    environment = {**usual, **{f"DIGEST_{name}": value for name, value in settings.items()}}
    command = [sys.executable, "-m", "digest", "send", "1", "--early"]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        command, stdout=subprocess.DEVNULL, env=environment, cwd=path.parent
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit("digest send failed")
    return used.ru_maxrss / 1024


def main(arguments: list[str]) -> None:
    """Send to so many readers, and hold the peak."""
    if arguments[:1] == ["--fill"]:
        fill(Path(arguments[1]), int(arguments[2]))
        plan(Path(arguments[1]))
        return
    if not all(each.isdigit() for each in arguments):
        sys.exit("python -m benchmarks.send_memory [READERS]")
    readers = int(arguments[0]) if arguments else READERS
    with tempfile.TemporaryDirectory() as folder, running_sink() as url:
        path = Path(folder) / "digest.db"
        # Not in this process: the peak of one that it starts begins with its own.
        filling = [sys.executable, "-m", "benchmarks.send_memory", "--fill", str(path)]
        subprocess.run([*filling, str(readers)], check=True, cwd=Path(__file__).parent.parent)  # noqa: S603 - our own interpreter
        began = time.perf_counter()
        peak = send(path, url)
        took = time.perf_counter() - began
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"Python {version}: {readers:,} readers in {took:.1f} s, peak {peak:.0f} MB")
    if peak > MEGABYTES:
        sys.exit(f"digest send may take {MEGABYTES} MB at most, whatever the list")


if __name__ == "__main__":
    main(sys.argv[1:])
