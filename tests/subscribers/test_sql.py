"""SQL: rows passed to a statement as JSON, rows read as JSON, and chunks."""

from __future__ import annotations

from typing import cast

import pytest
from sqlalchemy import BigInteger, Boolean, Column, MetaData, Table, Text, bindparam, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlmodel import col
from sqlmodel.main import default_registry

from subscribers import sql
from subscribers.models import Subscriber
from subscribers.sql import OneReadQuery, chunks
from tests.subscribers.conftest import MakeReader


def test_a_statement_gets_back_the_rows_it_was_given(session: Session) -> None:
    values = [("ä 'quoted' \"twice\" 💌", 2**40, True), ("", -1, False), (None, None, None)]
    table = sql.json_rows(sql.dialect(session), word=Text, number=BigInteger, truth=Boolean)
    rows = session.execute(
        select(*table.c).order_by(table.c.number.desc()), sql.json_rows_parameter(values)
    )
    assert sorted(map(tuple, rows), key=repr) == sorted(values, key=repr)


def test_no_rows_are_no_rows(session: Session) -> None:
    table = sql.json_rows(sql.dialect(session), word=Text)
    assert session.execute(select(*table.c), sql.json_rows_parameter([])).all() == []


ODD = '"o\'brien"@exämple.org'


def test_rows_come_as_they_are_and_sorted(session: Session, make_reader: MakeReader) -> None:
    ids = [make_reader(session, f"reader{number}@example.com") for number in range(5)]
    session.get_one(Subscriber, ids[1]).address = ODD
    session.get_one(Subscriber, ids[3]).suppressed = "bounced"
    session.flush()
    query = OneReadQuery(
        select(col(Subscriber.id), col(Subscriber.address), col(Subscriber.suppressed)).where(
            col(Subscriber.id) <= cast(int, bindparam("last"))
        )
    )
    rows = [tuple(row) for row in query.all(session, {"last": ids[3]})]
    assert query.all(session, {"last": ids[0] - 1}) == []
    assert [row[0] for row in rows] == ids[:4]
    assert rows[1] == (ids[1], ODD, None)
    assert rows[3][2] == "bounced"


def test_chunks_hold_every_value_once_in_order() -> None:
    assert list(chunks(iter(range(7)), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(chunks([])) == []


def test_an_index_of_some_rows_leaves_the_others_alone(session: Session) -> None:
    index = sql.partial_index("ix_seat_open", "name", where="gone IS NULL", unique=True)
    seat = Table("seat", MetaData(), Column("name", Text), Column("gone", Text), index)
    seat.create(session.connection())
    rows: list[dict[str, str | None]] = [
        {"name": "A", "gone": "1"},
        {"name": "A", "gone": "2"},
        {"name": "A", "gone": None},
    ]
    session.execute(insert(seat), rows)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(insert(seat), rows[-1:])


def test_no_table_s_class_builds_a_validator_on_import() -> None:
    models = [mapper.class_ for mapper in default_registry.mappers]
    assert {
        model.__name__ for model in models if not model.model_config.get("defer_build")
    } == set()
