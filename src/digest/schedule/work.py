"""What an installation's schedule is made of: its desk, and its letters to the editors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlmodel import Session

from digest.app import App
from digest.delivery import wave
from digest.delivery.plan import Audience, prepare
from digest.errors import MailUnfit, NotApproved
from digest.issues import store
from digest.issues.models import Edition, Issue, Newsletter
from digest.mail.mailing import Content
from digest.render.engine import render
from digest.render.letters import LetterView
from digest.schedule.desk import Desk, Ruling
from digest.schedule.editors import Letters


def desk_of(app: App) -> Desk:
    """Return an installation's desk."""
    return Desk(
        store=app.database,
        press=app.press(),
        allowed=partial(ruling, app),
        freeze=partial(freeze, app),
    )


def ruling(app: App, session: Session, issue: Issue) -> Ruling:
    """Say whether an issue may go: by an approval that is in force, or unattended."""
    try:
        approval = app.require_approved(session, issue)
    except (NotApproved, MailUnfit) as fault:
        return Ruling(False, str(fault))
    return Ruling(True, f"approved by {approval.by}" if approval else "unattended")


def freeze(app: App, session: Session, issue: Issue, edition: Edition) -> Audience:
    """Freeze an issue's audience, with a first wave where the settings want one."""
    settings = app.settings
    frozen = prepare(
        session,
        issue=issue,
        edition=edition,
        newsletter=store.newsletter_of(session, issue).slug,
        batch_size=settings.batch_size,
        now=app.clock(),
    )
    if settings.first_wave:
        wait = settings.first_wave_minutes * 60
        wave.begin(session, edition.id or 0, readers=settings.first_wave, wait_seconds=wait)
    return frozen


def letters_of(app: App) -> Letters:
    """Return what letters to an installation's editors take."""
    return Letters(
        store=app.database,
        addresses=app.settings.editor_list(),
        base_url=app.settings.base_url,
        hand_over=lambda mailing: (way := app.transport()).hand_over(way.prepare(mailing)),
        issue=lambda session, issue: app.sending(session, issue).content,
        letter=partial(_letter, app),
        allowed=partial(ruling, app),
    )


def _letter(app: App, newsletter: Newsletter, subject: str, words: Sequence[str]) -> Content:
    view = LetterView(
        newsletter=newsletter.name,
        subject=subject,
        preview=words[0],
        title=subject,
        paragraphs=words,
        why=f"You get this because you are an editor of {newsletter.name} (DIGEST_EDITORS).",
        postal_address=app.settings.postal_address,
    )
    mail = render("letter", {"letter": view}, folder=app.own_mails())
    return Content(
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        sender=app.sender(),
        category="editors",
    )
