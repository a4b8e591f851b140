"""Show how the service does, as `digest status --json` prints it."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from digest.access import Scope
from digest.api.dependencies import Installation, NewsletterFilter, require, shown
from digest.service import running_newsletters, service_facts

router = APIRouter(tags=["status"], dependencies=[require(Scope.STATUS_READ)])


class PeriodStatus(BaseModel):
    """One period of the last four weeks."""

    period: str = Field(description="The ISO week.", examples=["2026-W49"])
    due_at: datetime
    state: str
    note: str = Field(description="Why it stands as it does, for people.")
    next_step: str = Field(description="What to do, for people; empty for nothing.")
    newsletter: str


class JobStatus(BaseModel):
    """One job that the service runs by itself."""

    name: str = Field(examples=["letters"])
    last_run: datetime
    next_run: datetime
    running: bool
    ok: bool
    result: str = Field(description="What the last run did, for people.")
    overdue: bool = Field(description="Whether it should have run again: is `digest run` running?")


class WebhookTrouble(BaseModel):
    """A webhook endpoint that a person should look at."""

    id: int = Field(description="The endpoint's number.")
    says: str = Field(description="What is wrong with it, for people.")
    next_step: str = Field(description="What to do, for people.")


class WorkerStatus(BaseModel):
    """The workers of an installation on PostgreSQL."""

    running: int
    waiting: int = Field(description="Jobs that wait for a worker.")
    under_way: int
    failed: int
    oldest_seconds: float = Field(description="How long the oldest job has waited.")


class ServiceStatus(BaseModel):
    """How the service does."""

    hold: str | None = Field(description="Why nothing is sent, for people; null for no hold.")
    scheduled: bool = Field(description="Whether the service builds and sends by itself.")
    turns: list[PeriodStatus]
    ticks: list[JobStatus]
    proposals: int = Field(description="How many proposals of sources wait for an editor.")
    webhooks: list[WebhookTrouble] = Field(
        description="The endpoints that take nothing, or whose messages were given up."
    )
    workers: WorkerStatus | None = Field(None, description="On PostgreSQL only.")


@router.get(
    "/status",
    operation_id="getStatus",
    summary="Show how the service does",
    response_model=ServiceStatus,
)
def get_status(
    request: Request, app: Installation, newsletter: NewsletterFilter = None
) -> Response:
    """Show the periods of the last four weeks, the jobs, and whether anything holds mail back."""
    if newsletter is None:
        with app.database.read() as session:
            slugs = [row.slug for row in running_newsletters(session)]
    else:
        slugs = [newsletter]
    return shown(request, ServiceStatus(**service_facts(app, slugs)))
