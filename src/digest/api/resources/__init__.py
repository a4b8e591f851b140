"""The resources of the API, one file a noun.

Each file has a `router` whose routes name the scope they need, call a use case of the engine, and
show its facts in a model. `ROUTERS` lists them in the order of the reference.
"""

from fastapi import APIRouter

from digest.api.resources import (
    comparison_change_routes,
    directory_routes,
    issue_decision_routes,
    issue_routes,
    proposal_routes,
    report_routes,
    source_routes,
    status_routes,
    subscriber_routes,
)

__all__ = ["ROUTERS"]

ROUTERS: tuple[APIRouter, ...] = (
    directory_routes.router,
    comparison_change_routes.router,
    issue_routes.router,
    issue_decision_routes.router,
    subscriber_routes.router,
    source_routes.router,
    proposal_routes.router,
    report_routes.router,
    status_routes.router,
)
