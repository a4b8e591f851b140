"""Watch the editor's files, and notify every open page of a new snapshot.

Hides the watcher's threads and debouncing, and the stream of server-sent events.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from watchfiles import Change, watch

from digest.preview.session import PreviewSession

_MEANT = (".txt", ".json")
_FOLDERS = ("comparisons", "templates")
_STEP, _DEBOUNCE = 10, 40  # milliseconds: the wait for further changes, and its maximum
_PAINTING = 0.15  # seconds a browser takes to show a page
_STORE = 0.5  # seconds between renewals while the database changes
_HEARTBEAT = 15.0  # seconds; browsers and proxies close a silent stream


class FileWatcher:
    """Watch the folders of comparisons and templates from `start` to `stop`."""

    def __init__(self, preview: PreviewSession, *, templates: list[Path]) -> None:
        self._preview, self._templates = preview, templates
        self._stop = threading.Event()
        self._deep_stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Queue[int]]] = set()

    def start(self) -> None:
        """Start the watching threads."""
        self._run(self._watch_flat)
        self._run(self._watch_deep)

    def stop(self) -> None:
        """Stop watching, and end every stream."""
        self._stop.set()
        self._deep_stop.set()
        self._notify(-1)
        for thread in self._threads:
            thread.join(5)

    def notify(self) -> None:
        """Notify every open page of the newest snapshot."""
        self._notify(self._preview.snapshot.version)

    async def events(self) -> AsyncIterator[str]:
        """Yield server-sent events, one a snapshot: its version and the seal of its mail."""
        listener = (asyncio.get_running_loop(), asyncio.Queue[int]())
        self._listeners.add(listener)
        try:
            yield f"retry: 500\n{self._event()}"
            while not self._stop.is_set():
                try:
                    version = await asyncio.wait_for(listener[1].get(), _HEARTBEAT)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if version < 0:
                    return
                yield self._event()
        finally:
            self._listeners.discard(listener)

    def _event(self) -> str:
        """Return the newest snapshot's version and seal as one event."""
        snapshot = self._preview.snapshot
        return f"data: {snapshot.version} {snapshot.seal}\n\n"

    def _notify(self, version: int) -> None:
        for loop, queue in list(self._listeners):
            if not loop.is_closed():
                loop.call_soon_threadsafe(queue.put_nowait, version)

    def _run(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="watch", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _watch_flat(self) -> None:
        """Watch the folder without its subfolders, which may be large."""
        database = self._preview.app.database.path
        for changes in watch(
            self._preview.folder.path,
            watch_filter=lambda change, path: _is_meant(change, path, database),
            recursive=False,
            stop_event=self._stop,
            step=_STEP,
            debounce=_DEBOUNCE,
        ):
            names = {Path(path).name for _, path in changes}
            if all(name.endswith("-wal") for name in names):
                self._stop.wait(_STORE)  # while an issue is sent, the database changes all the time
            if names & set(_FOLDERS):
                self._deep_stop.set()
            self._renew(settings=".env" in names)

    def _watch_deep(self) -> None:
        """Watch the folders of comparisons and templates; start again when one appears."""
        while True:
            self._deep_stop.clear()
            if self._stop.is_set():  # tested after the clear: `stop` sets this event first
                return
            own = [self._preview.folder.path / name for name in _FOLDERS]
            folders = [path for path in dict.fromkeys([*own, *self._templates]) if path.is_dir()]
            if not folders:
                self._deep_stop.wait()
                continue
            for _ in watch(*folders, stop_event=self._deep_stop, step=_STEP, debounce=_DEBOUNCE):
                self._renew()

    def _renew(self, *, settings: bool = False) -> None:
        """Show the saved state at once, and check it while the browser paints."""
        before = self._preview.snapshot.version
        seen = self._preview.refresh(settings=settings).version
        if seen != before:
            self.notify()
            self._stop.wait(_PAINTING)
        if self._preview.check_snapshot().version != seen:
            self.notify()


def _is_meant(_: Change, path: str, database: Path | None) -> bool:
    name = Path(path).name
    if name == ".env" or name in _FOLDERS:
        return True
    if database and name == f"{database.name}-wal":
        return True
    return name.lower().endswith(_MEANT) and not name.startswith(".")
