"""A resource for tests alone: job runs as notes that are added, shown, changed and listed."""

from __future__ import annotations

from datetime import UTC, datetime
from secrets import token_hex

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlmodel import Session, col, select
from starlette.responses import Response

from digest.access import Scope
from digest.api.dependencies import ChangeRequest, IfMatch, Installation, PageOf, require, shown
from digest.api.paging import ListPage, cursor_of, divided, next_link
from digest.api.unit_of_change import ChangeAnswer
from digest.errors import NotFound, WrongState
from digest.issues.models import JobRun

router = APIRouter(tags=["notes"])
READS, WRITES = require(Scope.STATUS_READ), require(Scope.COMPARISONS_WRITE)


class Note(BaseModel):
    name: str = Field(max_length=16)
    result: str = Field(max_length=100)


@router.post("/notes", status_code=201, response_model=Note, dependencies=[WRITES])
def add_note(change: ChangeRequest, note: Note) -> Response:
    def act(session: Session) -> ChangeAnswer:
        if session.get(JobRun, note.name) is not None:
            raise WrongState("there is such a note", next_step="take another name")
        session.add(row_of(note))
        return ChangeAnswer(shown=note, status=201, location=f"/api/v1/notes/{note.name}")

    return change.run(act)


@router.post("/tallies", status_code=201, response_model=Note, dependencies=[WRITES])
def add_tally(change: ChangeRequest) -> Response:
    """Add a note under a name of its own, each time that this is done."""

    def act(session: Session) -> ChangeAnswer:
        note = Note(name=token_hex(8), result="")
        session.add(row_of(note))
        return ChangeAnswer(shown=note, status=201)

    return change.run(act)


@router.get("/notes", response_model=ListPage[Note], dependencies=[READS])
def list_notes(request: Request, app: Installation, page: PageOf) -> Response:
    with app.database.read() as session:
        after = page.position(str)
        query = select(JobRun).order_by(col(JobRun.name)).limit(page.limit + 1)
        if after is not None:
            query = query.where(col(JobRun.name) > after[0])
        rows, more = divided(session.exec(query).all(), page.limit)
    cursor = cursor_of(rows[-1].name) if more else None
    items = [note_of(row) for row in rows]
    link = next_link(request, app.settings.base_url, cursor)
    return shown(request, ListPage[Note](items=items, next=cursor), headers=link)


@router.put("/notes/{name}", response_model=Note, dependencies=[WRITES])
def put_note(change: ChangeRequest, match: IfMatch, name: str, note: Note) -> Response:
    def act(session: Session) -> ChangeAnswer:
        row = session.get(JobRun, name)
        if row is None:
            raise NotFound(f"there is no note {name}")
        match.require(note_of(row))
        row.result = note.result
        session.add(row)
        return ChangeAnswer(shown=note_of(row))

    return change.run(act)


@router.get("/broken", dependencies=[READS])
def broken() -> None:
    raise RuntimeError("ada@example.org")


def row_of(note: Note) -> JobRun:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    return JobRun(
        name=note.name,
        every=60,
        next_at=at,
        started_at=at,
        ended_at=at,
        ok=True,
        result=note.result,
    )


def note_of(row: JobRun) -> Note:
    return Note(name=row.name, result=row.result)
