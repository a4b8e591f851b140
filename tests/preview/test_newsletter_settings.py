"""The desk's page for newsletters."""

from __future__ import annotations

from typing import Any

from digest.issues import store
from digest.issues.models import Newsletter
from tests.preview.conftest import Site

TOOLS = {
    "name": "Tools of the Trade",
    "language": "de",
    "most": "3",
    "every": "week",
    "nth": "first",
    "on": "thursday",
    "at": "07:30",
    "zone": "Europe/Berlin",
}


def newsletter(site: Site, slug: str) -> Newsletter:
    with site.editor.app.database.read() as session:
        return store.newsletter(session, slug)


def add(site: Site, **fields: str) -> Any:
    return site.post("/newsletters/add", slug="tools", fields=TOOLS | fields)


def test_D1_a_newsletter_is_added_at_the_desk_and_laid_on_it(site: Site) -> None:
    assert add(site).json()["slug"] == "tools"
    row = newsletter(site, "tools")
    assert (row.language, row.max_per_issue) == ("de", 3)
    assert str(row.cadence()) == "every Thursday at 07:30, Europe/Berlin"

    assert site.post("/newsletters/choose", slug="tools").status_code == 200
    assert "Tools of the Trade" in site.client.get("/").text
    assert "every Tuesday" in site.client.get("/newsletters").text


def test_two_people_are_asked_to_approve_at_the_desk(site: Site) -> None:
    add(site, approvals="2")
    refused = add(site, slug="other", approvals="3")

    assert newsletter(site, "tools").approvals_needed == 2
    assert "Two people" in site.client.get("/newsletters").text
    assert refused.json()["faults"].keys() >= {"approvals"}


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_kept(site: Site) -> None:
    refused = add(site, most="99", sender="nobody")
    late = add(site, at="soon")

    assert refused.status_code == late.status_code == 422
    assert refused.json()["faults"].keys() == {"most", "sender"}
    assert "no time" in late.json()["faults"]["at"]
    assert "Tools of the Trade" not in site.client.get("/newsletters").text


def test_a_change_keeps_the_rest_and_the_moments_to_come(site: Site) -> None:
    add(site)
    before = newsletter(site, "tools").scheduled_since
    changed = site.post("/newsletters/set", slug="tools", fields=TOOLS | {"name": "Tools"})

    assert changed.json()["said"] == "1 changed"
    row = newsletter(site, "tools")
    assert (row.name, row.max_per_issue, row.scheduled_since) == ("Tools", 3, before)
    again = site.post("/newsletters/set", slug="tools", fields=TOOLS | {"name": "Tools"})
    assert again.json()["said"] == "nothing was changed"


def test_a_newsletter_is_archived_and_comes_out_again(site: Site) -> None:
    add(site)
    site.post("/newsletters/archive", slug="tools")
    assert newsletter(site, "tools").archived_at is not None

    site.post("/newsletters/archive", slug="tools", undo="yes")
    assert newsletter(site, "tools").archived_at is None
    assert site.post("/newsletters/archive", slug="none").status_code == 409
