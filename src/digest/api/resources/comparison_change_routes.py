"""Write comparisons, take them back, and bring them back.

Hides how a refusal of the comparison format becomes the faults of a problem document.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, StringConstraints
from sqlmodel import Session
from starlette.responses import Response

from digest.access import Scope
from digest.api.dependencies import (
    ChangeRequest,
    IfMatch,
    SlugPath,
    require,
)
from digest.api.entity_tags import IfMatchTags
from digest.api.orders import Order
from digest.api.problems import PREFIX, ApiRefusal, FieldProblem, ProblemType, pointer_of
from digest.api.public_answers import sees_all
from digest.api.resources.comparison_shapes import (
    ComparisonFacts,
    PublicComparison,
    comparison_shown,
)
from digest.api.unit_of_change import ApiChange, ChangeAnswer
from digest.comparisons import editorial, store
from digest.comparisons.json_parser import parse_json
from digest.comparisons.loader import decode
from digest.comparisons.schema import ComparisonContent, ComparisonDraft
from digest.comparisons.slug import slugify
from digest.comparisons.store import ImportOutcome
from digest.errors import ComparisonUnreadable, NotFound
from digest.issues.models import IssueState
from digest.issues.store import carried_by

router = APIRouter(prefix="/comparisons/{slug}", tags=["comparisons"])
writes = require(Scope.COMPARISONS_WRITE)
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{ComparisonContent.__name__}"}
            }
        },
    }
}


class StoredComparison(BaseModel):
    """What storing a comparison did."""

    slug: str
    title: str
    outcome: ImportOutcome
    revision: int = Field(description="The number of its newest revision.")
    warnings: list[str] = Field(description="What looks odd in it, for people.")


class WithdrawOrder(Order):
    """Why a comparison is withdrawn."""

    why: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)] = (
        Field(description="The reason, for the record.")
    )


class CarryingIssueEntry(BaseModel):
    """An issue that carries a comparison."""

    newsletter: str
    number: int
    period: str
    state: IssueState


class WithdrawnComparison(BaseModel):
    """A comparison that was withdrawn, and the issues that carry it."""

    slug: str
    withdrawn: bool
    issues: list[CarryingIssueEntry] = Field(
        description="One that is built can't be sent until it's built again; one that was sent"
        " keeps it."
    )


class RestoredComparison(BaseModel):
    """A comparison that is back."""

    slug: str
    withdrawn: bool


async def _body(request: Request) -> bytes:
    return await request.body()


@router.put(
    "",
    operation_id="putComparison",
    summary="Store a comparison",
    response_model=StoredComparison,
    responses={201: {"model": StoredComparison, "description": "A comparison that wasn't there."}},
    openapi_extra=_BODY,
    dependencies=[writes],
)
def put_comparison(
    change: ChangeRequest,
    slug: SlugPath,
    if_match: IfMatch,
    body: Annotated[bytes, Depends(_body)],
) -> Response:
    """Add a comparison, or a revision of one, by its JSON format, as an import does.

    Content that is stored already changes nothing, and values that editors have set stay. To change
    one that is there, send its ETag as If-Match.
    """
    draft = _draft(slug, body)

    def act(session: Session) -> ChangeAnswer:
        _require_version(session, change, slug, if_match)
        own = store.under_slug(session, draft, slug)
        result = store.store_draft(session, own, now=change.app.clock())
        answer = StoredComparison.model_validate(result, from_attributes=True)
        is_new = result.outcome is ImportOutcome.NEW
        return ChangeAnswer(
            shown=answer,
            version=_version(session, change, slug),
            status=201 if is_new else 200,
            location=f"{PREFIX}/comparisons/{slug}" if is_new else "",
        )

    return change.run(act)


@router.post(
    "/withdraw",
    operation_id="withdrawComparison",
    summary="Withdraw a comparison",
    response_model=WithdrawnComparison,
    dependencies=[writes],
)
def withdraw(
    change: ChangeRequest, slug: SlugPath, if_match: IfMatch, order: WithdrawOrder
) -> Response:
    """Let no issue pick it, and take its page away; issues that were sent keep it.

    If-Match isn't required.
    """

    def act(session: Session) -> ChangeAnswer:
        _require_given(session, change, slug, if_match)
        comparison = editorial.withdraw(session, slug, order.why, change.app.clock())
        carrying = [CarryingIssueEntry(**row._asdict()) for row in carried_by(session, comparison)]
        answer = WithdrawnComparison(slug=slug, withdrawn=True, issues=carrying)
        return ChangeAnswer(shown=answer, version=_version(session, change, slug))

    return change.run(act)


@router.post(
    "/restore",
    operation_id="restoreComparison",
    summary="Restore a withdrawn comparison",
    response_model=RestoredComparison,
    dependencies=[writes],
)
def restore(change: ChangeRequest, slug: SlugPath, if_match: IfMatch) -> Response:
    """Let issues pick it again, and bring its page back. If-Match isn't required."""

    def act(session: Session) -> ChangeAnswer:
        _require_given(session, change, slug, if_match)
        editorial.restore(session, slug, change.app.clock())
        answer = RestoredComparison(slug=slug, withdrawn=False)
        return ChangeAnswer(shown=answer, version=_version(session, change, slug))

    return change.run(act)


def _draft(slug: str, body: bytes) -> ComparisonDraft:
    """Return what the body says of the comparison of that slug; raises `ApiRefusal`."""
    try:
        draft = parse_json(decode(body, source=""))
    except ComparisonUnreadable as fault:
        places = [
            FieldProblem(
                pointer=pointer_of(each.location), detail=f"{each.message} (line {each.line})"
            )
            for each in fault.fields
        ]
        at = f" (line {fault.line})" if fault.line and not places else ""
        raise ApiRefusal(
            ProblemType.INVALID,
            f"{fault.reason}{at}",
            next_step="the format: digest docs comparison-format",
            errors=places,
        ) from None
    if draft.slug not in {None, slug}:
        words = f"the body is about {draft.slug}, and the path about {slug}"
        place = FieldProblem(pointer="#/slug", detail=words)
        step = "leave the slug out of the body, or PUT it to its own path"
        raise ApiRefusal(ProblemType.INVALID, f"{words}.", next_step=step, errors=[place])
    if slug != slugify(slug):
        words = f"must be a slug, such as {slugify(slug)}"
        raise ApiRefusal(
            ProblemType.INVALID,
            "The path names no comparison.",
            next_step="give a slug: lower-case letters, digits, single hyphens",
            errors=[FieldProblem(pointer="slug", detail=words)],
        )
    return draft


def _version(session: Session, change: ApiChange, slug: str) -> ComparisonFacts:
    return comparison_shown(session, slug, change.app.settings.base_url)


def _seen(session: Session, change: ApiChange, slug: str) -> list[PublicComparison]:
    """Return a comparison in each way that the caller may have been shown it."""
    version = _version(session, change, slug)
    if sees_all(change.caller):
        return [version]
    return [version, PublicComparison.model_validate(version.model_dump())]


def _require_version(session: Session, change: ApiChange, slug: str, if_match: IfMatchTags) -> None:
    """Raise `ApiRefusal` unless the client has seen the comparison as it is, if there is one."""
    try:
        store.by_slug(session, slug, lock=True)
    except NotFound:
        if_match.require_absent()
    else:
        if_match.require(*_seen(session, change, slug))


def _require_given(session: Session, change: ApiChange, slug: str, if_match: IfMatchTags) -> None:
    """Raise `ApiRefusal` where the client names a version, and it is another one."""
    store.by_slug(session, slug, lock=True)
    if if_match.header is not None:
        if_match.require(*_seen(session, change, slug))
