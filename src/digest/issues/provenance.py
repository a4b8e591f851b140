"""Which inputs of an edition are stored, so that rendering them again gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import orjson
from sqlalchemy.orm import object_session
from sqlmodel import Session, select

from digest.comparisons.models import Revision
from digest.comparisons.store import revisions
from digest.errors import NotFound, TemplateBroken, WrongState
from digest.issues.content import Correction, IssueView, correct_view
from digest.issues.content.background import Background
from digest.issues.content.branding import branded
from digest.issues.content.compose import compose, leading_with, with_chosen_quotes
from digest.issues.identity import MailIdentity
from digest.issues.models import Edition, Issue, Newsletter, Recipe, TemplateSet
from digest.issues.newsletters import logo_of
from digest.issues.picking import Decisions, apply_words
from digest.issues.variants import VariantNote
from digest.issues.variants import variants_of as stored_variants
from digest.render.lint import Finding, Severity
from digest.render.rendered import Rendered

Sources = Mapping[str, str]  #: from template name to source
Reprint = Callable[[IssueView, Sources], Rendered]  #: renders with exactly these templates


#: The settings of a newsletter that its mail shows. Images are never deleted, so a key is enough.
_OF_NEWSLETTER = (
    "slug",
    "name",
    "description",
    "language",
    "tracking",
    "accent",
    "logo",
    "logo_alt",
    "font",
    "utm",
    "public",
)


def template_hash(sources: Sources) -> str:
    """Return the SHA-256 of a set of templates, in hexadecimal."""
    return sha256(orjson.dumps(dict(sources), option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, kw_only=True)
class BuildInputs:
    """The inputs of an edition, except its templates."""

    newsletter: Newsletter
    carried: Sequence[Revision]
    number: int
    period: str
    on: date
    base_url: str
    identity: MailIdentity
    decisions: Decisions
    opening_form: str = ""  #: the wording of this one, for the next issue
    correction: Correction | None = None
    background: Background = field(default_factory=Background)
    variants: Sequence[VariantNote] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the inputs as JSON types."""
        return {
            "newsletter": {name: getattr(self.newsletter, name) for name in _OF_NEWSLETTER},
            "revisions": [revision.id for revision in self.carried],
            "number": self.number,
            "period": self.period,
            "on": self.on.isoformat(),
            "base_url": self.base_url,
            **asdict(self.identity),
            "decisions": self.decisions.to_dict(),
            "opening_form": self.opening_form,
            "background": self.background.to_dict(),
            **({"correction": self.correction.to_dict()} if self.correction else {}),
            **({"variants": [asdict(note) for note in self.variants]} if self.variants else {}),
        }


def keep_recipe(
    session: Session,
    edition: Edition,
    of: BuildInputs,
    sources: Sources,
    findings: Sequence[Finding] = (),
) -> None:
    """Store the inputs and the template findings of an edition; the caller commits."""
    templates = template_hash(sources)
    made_from = {**of.to_dict(), "made_with": tools()}
    known = select(TemplateSet.hash).where(TemplateSet.hash == templates)  # without its files
    if session.exec(known).first() is None:
        session.add(TemplateSet(hash=templates, files=dict(sources)))
        session.flush()
    session.add(
        Recipe(
            edition_id=edition.id or 0,
            made_from=made_from,
            findings=[asdict(finding) for finding in findings],
            templates=templates,
        )
    )
    session.flush()


def findings_of(edition: Edition) -> list[Finding]:
    """Return the findings of an edition's templates, as stored when it was built."""
    session = object_session(edition)
    recipe = session.get(Recipe, edition.id) if session else None
    return [
        Finding(**{**row, "severity": Severity(row["severity"])})
        for row in (recipe.findings if recipe else ())
    ]


def settings_of(edition: Edition) -> dict[str, str]:
    """Return the settings an edition was built with; empty when they weren't stored."""
    session = object_session(edition)
    recipe = session.get(Recipe, edition.id) if session else None
    names = ("base_url", "postal_address", "sender", "reply_to")
    return (
        {name: recipe.made_from[name] for name in names if name in recipe.made_from}
        if recipe
        else {}
    )


def decisions_of(edition: Edition) -> Decisions | None:
    """Return the editors' decisions in an edition; ``None`` when they weren't stored."""
    session = object_session(edition)
    recipe = session.get(Recipe, edition.id) if session else None
    kept = recipe.made_from.get("decisions") if recipe else None
    return None if kept is None else Decisions.from_dict(kept)


def revisions_of(edition: Edition) -> list[int]:
    """Return the ids of the revisions in an edition; empty when they weren't stored."""
    session = object_session(edition)
    recipe = session.get(Recipe, edition.id) if session else None
    return list(recipe.made_from.get("revisions", ())) if recipe else []


def opening_form_of(edition: Edition) -> str:
    """Return the wording of an edition's opening; empty when it wasn't stored."""
    session = object_session(edition)
    recipe = session.get(Recipe, edition.id) if session else None
    return str(recipe.made_from.get("opening_form", "")) if recipe else ""


def background_of(edition: Edition) -> Background:
    """Return what an edition was told besides its comparisons; empty when it wasn't stored."""
    session = object_session(edition)
    recipe = session.get(Recipe, edition.id) if session else None
    return Background.from_dict(recipe.made_from.get("background", {}) if recipe else {})


def correction_of(edition: Edition) -> Correction | None:
    """Return what an edition corrects; ``None`` for the edition of a weekly issue."""
    session = object_session(edition)
    recipe = session.get(Recipe, edition.id) if session else None
    kept = recipe.made_from.get("correction") if recipe else None
    return Correction.from_dict(kept) if kept else None


def variants_of(edition: Edition) -> list[VariantNote]:
    """Return what an edition's variants lead with; mostly none."""
    session = object_session(edition)
    recipe = session.get(Recipe, edition.id) if session else None
    return [VariantNote(**note) for note in recipe.made_from.get("variants", ())] if recipe else []


def identity_of(edition: Edition, today: MailIdentity) -> MailIdentity:
    """Return who an edition's mail is from: as it was built, else, for an old one, as *today*."""
    kept = settings_of(edition)
    if "sender" not in kept:
        return today
    return MailIdentity(sender=kept["sender"], reply_to=kept.get("reply_to", ""))


def change_sender(session: Session, edition: Edition, today: MailIdentity) -> bool:
    """Set the sender and the reply-to of an edition; return whether either was another before.

    Nobody may have got the edition yet. The caller commits.
    """
    recipe = session.get(Recipe, edition.id)
    if recipe is None:
        return False
    made_from = {**recipe.made_from, "sender": today.sender}
    if "reply_to" in made_from:
        made_from["reply_to"] = today.reply_to
    if made_from == recipe.made_from:
        return False
    recipe.made_from = made_from
    session.add(recipe)
    return True


@cache
def tools() -> Mapping[str, str]:
    """Return the versions of the packages that compose and render, by package name."""
    return {
        name: version(name) for name in ("digest-engine", "jinja2", "markdown-it-py", "mjml-python")
    }


@dataclass(frozen=True, kw_only=True)
class RebuiltEdition:
    """An edition rendered again; *differs* names the parts whose bytes differ.

    *tools* names the packages whose version has changed, as "mjml-python 1.4.1, now 1.4.2".
    """

    view: IssueView
    rendered: Rendered
    differs: tuple[str, ...]
    tools: tuple[str, ...] = ()


def rebuild(session: Session, issue: Issue, edition: Edition, reprint: Reprint) -> RebuiltEdition:
    """Return an edition rendered again from its recipe.

    Raises `NotFound` without one, and `WrongState` where its templates read what a later version
    of the engine doesn't tell them any more.
    """
    recipe = _recipe(session, issue, edition)
    view = _view(session, recipe.made_from)
    sources = session.get_one(TemplateSet, recipe.templates).files
    try:
        rendered = reprint(view, sources)
    except TemplateBroken as fault:
        raise WrongState(
            f"issue {issue.number} can't be made again: its templates are of an older version"
            f" ({fault})",
            next_step=f"digest show {issue.number} has it as it was made",
        ) from fault
    parts = (
        ("subject", rendered.subject, edition.subject),
        ("preheader", view.preheader, edition.preheader),
        ("html", rendered.html, edition.html),
        ("text", rendered.text, edition.text),
        *_variant_parts(session, edition, view, lambda led: reprint(led, sources)),
    )
    return RebuiltEdition(
        view=view,
        rendered=rendered,
        differs=tuple(name for name, now, then in parts if now != then),
        tools=_changed_tools(recipe.made_from.get("made_with", {})),
    )


def _variant_parts(
    session: Session, edition: Edition, view: IssueView, render: Callable[[IssueView], Rendered]
) -> Iterator[tuple[str, object, object]]:
    """Yield the name of each variant, its texts rendered again, and those that are stored."""
    notes = variants_of(edition)
    stored = stored_variants(session, edition) if notes else {}
    carried = _carried(session, revisions_of(edition)) if notes else ()
    for note in notes:
        led, then = leading_with(view, carried, note.seat), stored.get(note.seat)
        now = render(led) if led else None
        yield (
            f"variant {note.seat}",
            now and (now.html, now.text),
            then and (then.html, then.text),
        )


def frozen_view(
    session: Session, issue: Issue, edition: Edition, *, as_mailed: bool = True
) -> IssueView:
    """Return what an edition says, from its recipe; raises `NotFound` without one.

    Its links have the tags they had in the mail, unless it isn't wanted *as_mailed*.
    """
    return _view(session, _recipe(session, issue, edition).made_from, as_mailed=as_mailed)


def _recipe(session: Session, issue: Issue, edition: Edition) -> Recipe:
    recipe = session.get(Recipe, edition.id)
    if recipe is None:
        raise NotFound(f"what issue {issue.number} was made from wasn't kept")
    return recipe


def _changed_tools(then: Mapping[str, str]) -> tuple[str, ...]:
    now = tools()
    return tuple(
        f"{name} {then[name]}, now {now[name]}"
        for name in now
        if name in then and then[name] != now[name]
    )


def _carried(session: Session, ids: Sequence[int]) -> list[Revision]:
    stored = revisions(session, ids)
    return [stored[revision_id] for revision_id in ids]


def _view(session: Session, made_from: Mapping[str, Any], *, as_mailed: bool = True) -> IssueView:
    carried = _carried(session, made_from["revisions"])
    decisions = Decisions.from_dict(made_from["decisions"])
    newsletter = Newsletter(**made_from["newsletter"])  # an old recipe lacks what is newer
    view = compose(
        carried,
        newsletter,
        number=made_from["number"],
        period=made_from["period"],
        on=date.fromisoformat(made_from["on"]),
        base_url=made_from["base_url"],
        postal_address=made_from["postal_address"],
        background=Background.from_dict(made_from.get("background", made_from)),
    )
    view = with_chosen_quotes(view, carried, decisions.quotes)
    kept = made_from.get("correction")
    view = correct_view(view, Correction.from_dict(kept)) if kept else view
    view = apply_words(view, decisions)
    newsletter.utm = newsletter.utm and as_mailed
    return branded(view, newsletter, logo_of(session, newsletter, made_from["base_url"]))
