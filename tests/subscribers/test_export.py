"""Exports: the list as CSV without formulas, and all data of one reader."""

from __future__ import annotations

import csv
from datetime import datetime
from io import StringIO

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from subscribers import address_change, export, models
from subscribers.address.syntax import parse
from subscribers.export import escape_formula
from subscribers.tokens import Hashes
from tests.subscribers.conftest import NEWSLETTER, MakeReader


def rows(session: Session) -> list[list[str]]:
    return list(csv.reader(StringIO("".join(export.as_csv(session, NEWSLETTER)))))


def test_the_list_comes_out_with_a_header_in_the_order_of_joining(
    session: Session, make_reader: MakeReader
) -> None:
    for word in ("b", "a"):
        make_reader(session, f"{word}@example.com")
    assert [row[:2] for row in rows(session)] == [
        ["email", "status"],
        ["b@example.com", "confirmed"],
        ["a@example.com", "confirmed"],
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_H11_what_could_be_a_formula_comes_out_as_text(start: str) -> None:
    assert escape_formula(f"{start}cmd|' /C calc'!A0").startswith("'")


def test_H11_an_address_or_source_that_could_be_a_formula_comes_out_as_text(
    session: Session, make_reader: MakeReader
) -> None:
    make_reader(session, "=sum+a1@example.com")
    session.execute(text("UPDATE subscription SET source = '@evil'"))
    row = rows(session)[1]
    assert (row[0], row[3]) == ("'=sum+a1@example.com", "'@evil")


def test_everything_kept_of_a_person_is_in_their_data(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(session)
    facts = export.person(session, reader)
    assert facts["address"] == "reader@example.com"
    assert facts["subscriptions"][0]["since"] == now
    assert [entry["act"] for entry in facts["consent"]] == ["asked", "confirmed"]


def test_the_data_hold_a_row_of_every_table_that_names_the_reader(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    reader = make_reader(session)
    address_change.request_change(
        session, reader, NEWSLETTER, parse("new@example.org"), hashes, now
    )
    facts = export.person(session, reader)
    assert [change["asked_at"] for change in facts["address_changes"]] == [now]
    assert "new@example.org" not in str(facts)  # not the reader's own yet
    named = {name for name, table in SQLModel.metadata.tables.items() if "subscriber_id" in table.c}
    ours = {model.__tablename__ for model in vars(models).values() if hasattr(model, "__table__")}
    assert named & ours == {
        "subscription",
        "consent",
        "consent_network",  # beside each consent entry
        "letter_to_send",
        "address_change",
    }


def test_nothing_is_known_of_nobody(session: Session) -> None:
    assert export.person(session, 77) == {}
