"""Tell whether a database passes on what NOTIFY says: a pool between may not.

This module decides how that is found out: by trying, since no pool says what it does.
"""

from __future__ import annotations

from uuid import uuid4

from digest.db import Database

WAIT_SECONDS = 1.0  #: longest that a notice may take


def passes_notices(database: Database, wait: float = WAIT_SECONDS) -> bool:
    """Return whether a connection that listens hears of what another one notifies it of.

    Behind a pool that takes each transaction to another server process, it never does: that is
    known once *wait* seconds are over.
    """
    if not database.is_pooled:
        return True
    channel = f"digest_{uuid4().hex}"
    with database.engine.connect() as listening, database.engine.connect() as notifying:
        listening.exec_driver_sql(f"LISTEN {channel}")
        listening.commit()
        notifying.exec_driver_sql(f"NOTIFY {channel}")
        notifying.commit()
        driver = listening.connection.driver_connection
        heard = driver is not None and any(driver.notifies(timeout=wait, stop_after=1))
        listening.rollback()
        listening.exec_driver_sql("UNLISTEN *")
        listening.commit()
        return heard
