"""SQL helpers: rows passed to a statement as JSON."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Text, select
from sqlalchemy.orm import Session

from subscribers import store
from subscribers.sql import json_rows, json_rows_parameter


def test_a_statement_gets_back_the_rows_it_was_given(session: Session) -> None:
    told = [("ä 'quoted' \"twice\" 💌", 2**40, True), ("", -1, False), (None, None, None)]
    table = json_rows(store.dialect(session), word=Text, number=BigInteger, truth=Boolean)
    found = session.execute(
        select(*table.c).order_by(table.c.number.desc()), json_rows_parameter(told)
    )
    assert sorted(map(tuple, found), key=repr) == sorted(told, key=repr)


def test_no_rows_are_no_rows(session: Session) -> None:
    table = json_rows(store.dialect(session), word=Text)
    assert session.execute(select(*table.c), json_rows_parameter([])).all() == []
