"""Run synchronous work from an event loop in a thread that a process needn't wait for.

The library's own threads keep a process alive until a request that hangs is over; here the grace
after a stop is the longest that anyone waits. What is cut off is in doubt, as after a kill.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from digest.errors import DigestError

log = logging.getLogger(__name__)


async def in_thread(name: str, work: Callable[[], object]) -> None:
    """Run *work* in a thread called *name*, log what it raises, and raise it.

    If the caller is cancelled, the work continues, and nobody hears of its end.
    """
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def run() -> None:
        fault = _fault_of(name, work)
        with suppress(RuntimeError):  # the loop is closed: the grace was over
            loop.call_soon_threadsafe(_resolve, ended, fault)

    threading.Thread(target=run, name=name, daemon=True).start()
    await ended


def _fault_of(name: str, work: Callable[[], object]) -> Exception | None:
    try:
        work()
    except DigestError as fault:
        log.error("%s: %s", name, fault)
        return fault
    except OSError as fault:
        log.error("%s: %s: %s", name, fault.filename or "the system", fault.strerror or fault)
        return fault
    except SQLAlchemyError as fault:
        log.error("%s: the database can't be used: %s", name, type(fault).__name__)
        return fault
    except Exception as fault:  # a bug in one job must not end the worker, and must be seen
        log.exception("%s failed", name)
        return fault
    return None


def _resolve(ended: asyncio.Future[None], fault: Exception | None) -> None:
    if ended.done():  # cancelled
        return
    if fault is None:
        ended.set_result(None)
    else:
        ended.set_exception(fault)
