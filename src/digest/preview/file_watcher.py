"""Notices what an editor saves, and tells every open desk in the same moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from watchfiles import Change, watch

from digest.preview.session import PreviewSession

_MEANT = (".txt", ".json")
_FOLDERS = ("comparisons", "templates")
_STEP, _DEBOUNCE = 10, 40  # milliseconds: how long more changes are waited for, and at most
_PAINTING = 0.15  # seconds
_STORE = 0.5  # seconds
_HEARTBEAT = 15.0  # seconds; browsers and proxies give a silent stream up


class FileWatcher:
    """Watches the desk's folders; `start` it, and `stop` it again."""

    def __init__(self, desk: PreviewSession, *, templates: list[Path]) -> None:
        self._desk, self._templates = desk, templates
        self._stop = threading.Event()
        self._deep_stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Queue[int]]] = set()

    def start(self) -> None:
        """Begin to watch."""
        self._run(self._watch_flat)
        self._run(self._watch_deep)

    def stop(self) -> None:
        """Stop watching, and end every stream."""
        self._stop.set()
        self._deep_stop.set()
        self._tell(-1)
        for thread in self._threads:
            thread.join(5)

    def tell(self) -> None:
        """Tell every open desk that there is something new to see."""
        self._tell(self._desk.look.version)

    async def events(self) -> AsyncIterator[str]:
        """Yield server-sent events, one a new look: its version and the seal of its mail."""
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
        """Say which look there is, and which mail it shows."""
        look = self._desk.look
        return f"data: {look.version} {look.seal}\n\n"

    def _tell(self, version: int) -> None:
        for loop, queue in list(self._listeners):
            if not loop.is_closed():
                loop.call_soon_threadsafe(queue.put_nowait, version)

    def _run(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="watch", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _watch_flat(self) -> None:
        """Watch the folder itself, not what is below: there may be a great deal."""
        store = self._desk.app.database.url.database if self._desk.app.database.is_sqlite else None
        for changes in watch(
            self._desk.folder.path,
            watch_filter=lambda change, path: _is_meant(change, path, store),
            recursive=False,
            stop_event=self._stop,
            step=_STEP,
            debounce=_DEBOUNCE,
        ):
            names = {Path(path).name for _, path in changes}
            if all(name.endswith("-wal") for name in names):
                self._stop.wait(_STORE)  # while an issue is sent, the store changes all the time
            if names & set(_FOLDERS):
                self._deep_stop.set()
            self._renew(settings=".env" in names)

    def _watch_deep(self) -> None:
        """Watch the folders of comparisons and templates, anew when one appears."""
        while True:
            self._deep_stop.clear()
            if self._stop.is_set():  # asked after clearing: stopping sets both, this one first
                return
            own = [self._desk.folder.path / name for name in _FOLDERS]
            there = [path for path in dict.fromkeys([*own, *self._templates]) if path.is_dir()]
            if not there:
                self._deep_stop.wait()
                continue
            for _ in watch(*there, stop_event=self._deep_stop, step=_STEP, debounce=_DEBOUNCE):
                self._renew()

    def _renew(self, *, settings: bool = False) -> None:
        """Show what was saved at once, and check it while it is being painted."""
        before = self._desk.look.version
        seen = self._desk.glance(settings=settings).version
        if seen != before:
            self.tell()
            self._stop.wait(_PAINTING)
        if self._desk.finish().version != seen:
            self.tell()


def _is_meant(_: Change, path: str, store: str | None) -> bool:
    name = Path(path).name
    if name == ".env" or name in _FOLDERS:
        return True
    if store and name == f"{Path(store).name}-wal":
        return True
    return name.lower().endswith(_MEANT) and not name.startswith(".")
