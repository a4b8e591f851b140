"""Decides what link a letter brings to a visitor who asked to vote."""

from __future__ import annotations

from urllib.parse import urlencode

from sqlmodel import Session

from digest.comparisons.models import Comparison
from digest.directory import PublicTerms, public_revision
from digest.errors import ComparisonWithdrawn, NotFound
from digest.issues.content import comparison_view
from digest.votes import letter_token, read_request, vote_path
from subscribers.models import LetterKind
from subscribers.reader_letter import AskedLetter, AskedLink
from subscribers.tokens import Tokens


def vote_link(
    session: Session, letter: AskedLetter, terms: PublicTerms, *, tokens: Tokens, base_url: str
) -> AskedLink | None:
    """Return the link to the page that casts a vote, and the comparison it is on.

    ``None`` for another letter, and where the comparison isn't public any more. The choices stand
    in the link's query, so that its page presets both.
    """
    if letter.kind is not LetterKind.VOTE:
        return None
    request = read_request(letter.asks_for)
    comparison = session.get(Comparison, request.comparison_id)
    try:
        revision = public_revision(session, comparison.slug if comparison else "", terms)
    except (NotFound, ComparisonWithdrawn):
        return None
    token = letter_token(
        tokens,
        letter.subscriber_id,
        request.comparison_id,
        letter.at,
        newsletter=letter.newsletter if request.joins else "",
    )
    slugs = {contender.tool.id: contender.tool.slug for contender in revision.contenders}
    preset = {
        f"tool-{slugs[tool]}": call.value for tool, call in request.calls.items() if tool in slugs
    }
    path = vote_path(token) + (f"?{urlencode(preset)}" if preset else "")
    title = comparison_view(revision, base_url="", web_url="").title
    return AskedLink(f"{base_url}{path}", title, request.joins)
