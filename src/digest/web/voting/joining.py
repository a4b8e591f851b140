"""Say what the press on a letter's link does beside the vote: it subscribes who asked for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy.orm import Session

from digest.votes import VoteTarget
from digest.web.voting.ballot_box import CastVote, Join
from digest.web.voting.vote_view import VoteAnswer, VoteForm
from subscribers.lifecycle import ConfirmResult
from subscribers.locale import N_
from subscribers.tokens import DatedTarget
from subscribers.web import EndpointRequest, confirm_and_welcome, confirming_lasts

_TOLD: Mapping[ConfirmResult, str] = {
    ConfirmResult.DONE: N_("You’ll get %(newsletter)s from now on. A welcome email is on its way."),
    ConfirmResult.LATE: N_(
        "You aren’t subscribed to %(newsletter)s: this link could do that only for %(hours)s."
    ),
    ConfirmResult.LEFT: N_(
        "You aren’t subscribed to %(newsletter)s: you unsubscribed after this link was sent."
    ),
    ConfirmResult.GONE: N_(
        "You aren’t subscribed to %(newsletter)s: the sign-up wasn’t confirmed in time."
    ),
    ConfirmResult.BARRED: N_(
        "You aren’t subscribed to %(newsletter)s: emails to your address bounced or were reported"
        " as spam, or we took it off our list."
    ),
}
_MAY_SIGN_UP = (ConfirmResult.LATE, ConfirmResult.LEFT, ConfirmResult.GONE)


def join_of(request: EndpointRequest, target: VoteTarget) -> Join:
    """Return what subscribes the reader of a letter to the newsletter that its link names."""
    letter = DatedTarget(target.subscriber_id, target.newsletter, target.sent_at)

    def join(session: Session) -> ConfirmResult:
        return confirm_and_welcome(session, request, letter)

    return join


def with_joining(
    request: EndpointRequest, form: VoteForm, target: VoteTarget, *, joins: bool
) -> VoteForm:
    """Return a form that says what else its button does."""
    name = request.newsletter_name(target.newsletter) if joins else ""
    return replace(form, joins=name)


def with_joined(
    request: EndpointRequest, answer: VoteAnswer, target: VoteTarget, cast: CastVote
) -> VoteAnswer:
    """Return an answer that says what came of the subscription; nothing to who had one before."""
    if cast.joined is None or cast.joined is ConfirmResult.ALREADY:
        return replace(answer, joins=cast.joins)
    name = request.newsletter_name(target.newsletter)
    hours = confirming_lasts(request)
    told = request.gettext(_TOLD[cast.joined], newsletter=name, hours=hours)
    words = request.gettext("Subscribe to %(newsletter)s", newsletter=name)
    onward = request.sign_up_links(words, target.newsletter) if cast.joined in _MAY_SIGN_UP else ()
    return replace(answer, notes=(*answer.notes, told), onward=tuple(onward))
