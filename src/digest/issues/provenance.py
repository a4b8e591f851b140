"""Makes a stored edition again from what it was made of, to prove that it is the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import orjson
from sqlalchemy.orm import object_session
from sqlmodel import Session

from digest.comparisons.models import Revision
from digest.comparisons.store import revisions
from digest.errors import NotFound
from digest.issues.content import IssueView
from digest.issues.content.compose import compose
from digest.issues.models import Edition, Issue, Newsletter, Recipe, TemplateSet
from digest.issues.picking import Decisions, apply_words
from digest.render.engine import Rendered
from digest.render.lint import Finding, Severity

Sources = Mapping[str, str]  #: template name to source
Reprint = Callable[[IssueView, Sources], Rendered]  #: renders with exactly these templates


def template_hash(sources: Sources) -> str:
    """SHA-256 of a set of templates, as hex."""
    return sha256(orjson.dumps(dict(sources), option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, kw_only=True)
class BuildInputs:
    """Everything an edition is made from, besides its templates."""

    newsletter: Newsletter
    carried: Sequence[Revision]
    number: int
    period: str
    on: date
    base_url: str
    postal_address: str
    sender: str
    decisions: Decisions

    def to_dict(self) -> dict[str, Any]:
        """Return them in the types JSON has."""
        named = ("slug", "name", "description", "language", "tracking")
        return {
            "newsletter": {name: getattr(self.newsletter, name) for name in named},
            "revisions": [each.id for each in self.carried],
            "number": self.number,
            "period": self.period,
            "on": self.on.isoformat(),
            "base_url": self.base_url,
            "postal_address": self.postal_address,
            "sender": self.sender,
            "decisions": self.decisions.to_dict(),
        }


def keep_recipe(
    session: Session,
    edition: Edition,
    of: BuildInputs,
    sources: Sources,
    findings: Sequence[Finding] = (),
) -> None:
    """Keep what an edition was made from, and what was wrong with it; the caller commits."""
    templates = template_hash(sources)
    made_from = {**of.to_dict(), "made_with": tools()}
    if session.get(TemplateSet, templates) is None:
        session.add(TemplateSet(hash=templates, files=dict(sources)))
        session.flush()
    session.add(
        Recipe(
            edition_id=edition.id or 0,
            made_from=made_from,
            findings=[asdict(each) for each in findings],
            templates=templates,
        )
    )
    session.flush()


def findings_of(edition: Edition) -> list[Finding]:
    """Return what was wrong with a stored edition's templates when it was made."""
    session = object_session(edition)
    kept = session.get(Recipe, edition.id) if session else None
    return [
        Finding(**{**each, "severity": Severity(each["severity"])})
        for each in (kept.findings if kept else ())
    ]


def settings_of(edition: Edition) -> dict[str, str]:
    """Return the settings a stored edition was made with; empty when they weren't kept."""
    session = object_session(edition)
    kept = session.get(Recipe, edition.id) if session else None
    names = ("base_url", "postal_address", "sender")
    return {name: kept.made_from[name] for name in names if name in kept.made_from} if kept else {}


def change_sender(session: Session, edition: Edition, sender: str) -> bool:
    """Let an edition come from *sender*, which nobody may have got yet; tells if that is new.

    The caller commits.
    """
    kept = session.get(Recipe, edition.id)
    if kept is None or kept.made_from.get("sender") == sender:
        return False
    kept.made_from = {**kept.made_from, "sender": sender}
    session.add(kept)
    return True


def tools() -> dict[str, str]:
    """Return what composes and renders here, with its version: other tools may differ."""
    return {name: version(name) for name in ("digest-engine", "jinja2", "mjml-python")}


@dataclass(frozen=True, kw_only=True)
class RebuiltEdition:
    """An edition made again; *differs* names the parts that came out otherwise.

    *tools* names those that have another version now, as "mjml-python 1.4.1, now 1.4.2".
    """

    view: IssueView
    rendered: Rendered
    differs: tuple[str, ...]
    tools: tuple[str, ...] = ()


def rebuild(session: Session, issue: Issue, edition: Edition, reprint: Reprint) -> RebuiltEdition:
    """Make an edition again from its recipe; raises `NotFound` when none was kept."""
    recipe = session.get(Recipe, edition.id)
    if recipe is None:
        raise NotFound(f"what issue {issue.number} was made from wasn't kept")
    view = _view(session, recipe.made_from)
    sources = session.get_one(TemplateSet, recipe.templates).files
    rendered = reprint(view, sources)
    parts = (
        ("subject", rendered.subject, edition.subject),
        ("preheader", view.preheader, edition.preheader),
        ("html", rendered.html, edition.html),
        ("text", rendered.text, edition.text),
    )
    return RebuiltEdition(
        view=view,
        rendered=rendered,
        differs=tuple(name for name, now, then in parts if now != then),
        tools=_other_tools(recipe.made_from.get("made_with", {})),
    )


def _other_tools(then: Mapping[str, str]) -> tuple[str, ...]:
    now = tools()
    return tuple(
        f"{each} {then[each]}, now {now[each]}"
        for each in now
        if each in then and then[each] != now[each]
    )


def _view(session: Session, made_from: Mapping[str, Any]) -> IssueView:
    known = revisions(session, made_from["revisions"])
    view = compose(
        [known[one] for one in made_from["revisions"]],
        Newsletter(**made_from["newsletter"]),
        number=made_from["number"],
        period=made_from["period"],
        on=date.fromisoformat(made_from["on"]),
        base_url=made_from["base_url"],
        postal_address=made_from["postal_address"],
    )
    return apply_words(view, Decisions.from_dict(made_from["decisions"]))
