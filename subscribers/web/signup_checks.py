"""Check a sign-up, the cheapest check first, and record the request if all of them pass.

This module hides the order of the checks, and what the visitor is told of each.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from subscribers.abuse_prevention import LimitReason, RequestOrigin
from subscribers.address import is_among, parse
from subscribers.errors import BadAddress, BadProof, BadToken
from subscribers.signup import SignupRequest, record_requests
from subscribers.tokens import address_mark
from subscribers.web import client
from subscribers.web.address_faults import ADDRESS_FAULTS, DISPOSABLE
from subscribers.web.config import NewsletterInfo, SiteConfig
from subscribers.web.endpoint import EndpointRequest
from subscribers.web.signup_form import (
    FRAME_PATH,
    PROOF,
    TRAP,
    ShownForm,
    read_form_token,
    wording,
    wording_mark,
)

_HOUR = 3_600
_SOURCE = re.compile(r"[a-z0-9][a-z0-9:._-]{0,63}\Z")


class SignupOutcome(StrEnum):
    """What the visitor is told; no outcome shows whether the address is on the list."""

    INBOX = "inbox"  #: check your inbox
    AGAIN = "again"  #: press the button once more
    ELSEWHERE = "elsewhere"  #: the form can't be sent from where it is shown
    FAULT = "fault"  #: the address can't be mailed
    LATER = "later"  #: too many sign-ups just now


@dataclass(frozen=True, kw_only=True)
class SignupResult:
    """The outcome of a sign-up, with the address's fault in words where there is one."""

    outcome: SignupOutcome
    fault: str = ""
    goes_on: bool = False  #: whether a harder proof of work leads past the limit


@dataclass(frozen=True, kw_only=True)
class SignupWish:
    """What the visitor wants of a form: a subscription, a link that the application makes, both."""

    info: NewsletterInfo  #: the newsletter to join, or in whose name the link is sent
    asks_for: str = ""  #: what the link opens, in the application's words
    joins: bool = True


@dataclass(frozen=True)
class SignupChecks:
    """The checks of every way to sign up, with the flood guard they share."""

    config: SiteConfig

    def turned_away(self, request: EndpointRequest) -> bool:
        """Return whether the flood guard stops the visitor's network; count the request if so."""
        stop = self.config.flood_guard.stopped(request.visitor)
        if stop is not None:
            self.config.flood_guard.count(stop)
        return stop is not None

    async def check(self, request: EndpointRequest, wish: SignupWish | None = None) -> SignupResult:
        """Check one sign-up, record it if every check passes, and return the outcome.

        Without a *wish* the form asks to join the newsletter that it names.
        """
        if wish is None and (info := info_of(request)) is not None:
            wish = SignupWish(info=info)
        shown = _shown_form(request)
        stop = self.config.flood_guard.stopped(request.visitor) or self._suspect(
            request, wish, shown
        )
        if stop is not None:
            self.config.flood_guard.count(stop)
            locked_in = stop is LimitReason.ORIGIN and _is_locked_in(request, shown)
            return SignupResult(outcome=SignupOutcome.ELSEWHERE) if locked_in else _result_for(stop)
        if wish is None or shown is None:
            return SignupResult(outcome=SignupOutcome.AGAIN)
        try:
            proof, harder = self._proof(request)
            address = parse(request.fields.get("email", ""))
        except BadProof:
            self.config.flood_guard.count(LimitReason.PUZZLE)
            return _result_for(LimitReason.PUZZLE)
        except BadAddress as fault:
            return SignupResult(
                outcome=SignupOutcome.FAULT, fault=request.gettext(ADDRESS_FAULTS[fault.fault])
            )
        if is_among(address.domain, self.config.disposable):
            self.config.flood_guard.count(LimitReason.DISPOSABLE)
            return SignupResult(outcome=SignupOutcome.FAULT, fault=request.gettext(DISPOSABLE))
        origin = RequestOrigin(address, request.visitor, proof, harder)
        return await self._record(_request_of(request, wish, origin, shown.language))

    async def _record(self, request: SignupRequest) -> SignupResult:
        stop = await self.config.group_commit.together(self.record, request)
        goes_on = (
            stop in (LimitReason.EVERYONE, LimitReason.DOMAIN) and self.config.harder is not None
        )
        if stop in (LimitReason.NETWORK, LimitReason.EVERYONE) and not goes_on:
            self.config.flood_guard.stop(request.network, stop)
        else:
            self.config.signup_worker.schedule()
        return _result_for(stop, goes_on=goes_on)

    def record(
        self, session: Session, requests: Sequence[SignupRequest]
    ) -> list[LimitReason | None]:
        """Record sign-ups that arrived together, in one transaction; return each one's limit."""
        config = self.config
        return record_requests(
            session, requests, limits=config.limits, hashes=config.hashes, now=config.clock()
        )

    def _suspect(
        self, request: EndpointRequest, wish: SignupWish | None, shown: ShownForm | None
    ) -> LimitReason | None:
        if not client.is_ours(request.http, self.config.base_url):
            return LimitReason.ORIGIN
        if request.fields.get(TRAP):
            return LimitReason.TRAP
        if shown is None:
            return LimitReason.FORM
        age = (self.config.clock() - shown.at).total_seconds()
        if age > self.config.form_hours * _HOUR:
            return LimitReason.FORM
        if wish and not _has_present_wording(shown, wish.info):
            return LimitReason.FORM
        early = age < self.config.form_seconds
        return LimitReason.FAST if early and shown.waited != _mark_of(request) else None

    def _proof(self, request: EndpointRequest) -> tuple[str, bool]:
        """Return the solved challenge, and whether it is the harder one; raises `BadProof`."""
        answer, now = request.fields.get(PROOF, ""), self.config.clock()
        if answer and self.config.harder is not None:
            with suppress(BadProof):
                return self.config.harder.check(answer, now), True
        return (self.config.proof.check(answer, now) if self.config.proof else ""), False


def _shown_form(request: EndpointRequest) -> ShownForm | None:
    """Return the form that was sent, by its token; ``None`` where that isn't one of ours."""
    try:
        return read_form_token(request.config, request.fields.get("token", ""))
    except BadToken:
        return None


def _is_locked_in(request: EndpointRequest, shown: ShownForm | None) -> bool:
    """Return whether our own form was sent from a sandboxed frame, whose origin is opaque."""
    if request.http.url.path == FRAME_PATH:
        return True
    return shown is not None and shown.waited == _mark_of(request)


def _mark_of(request: EndpointRequest) -> str:
    """Return the mark of the address in the form, as the token of a form sent before has it."""
    return address_mark(request.fields.get("email", "")[:254])


def _has_present_wording(shown: ShownForm, info: NewsletterInfo) -> bool:
    """Return whether the wording that was shown is the one that would be kept as evidence."""
    mark = wording_mark(info, shown.language)
    return (shown.newsletter, shown.mark) == (info.slug, mark)


def info_of(request: EndpointRequest) -> NewsletterInfo | None:
    """Return the newsletter that a request names, the first one by default.

    ``None`` for one that takes no sign-ups, as for one that there isn't.
    """
    info = request.named_newsletter()
    return info if info and info.open else None


def source_of(request: EndpointRequest, default: str = "page") -> str:
    """Return the name of the form that was sent, if it has the right syntax, else *default*."""
    source = request.named("form", default)
    return source if _SOURCE.match(source) else default


def _request_of(
    request: EndpointRequest, wish: SignupWish, origin: RequestOrigin, language: str
) -> SignupRequest:
    return SignupRequest(
        address=origin.address,
        newsletter=wish.info.slug,
        form=source_of(request, "api" if request.program else "page"),
        wording=wording(wish.info, language) if wish.joins else "",
        language=language,
        network=origin.network,
        proof=origin.proof,
        harder=origin.harder,
        seen_from=request.kept_address() if wish.joins else None,
        asks_for=wish.asks_for,
        joins=wish.joins,
    )


_RECORDED = SignupResult(outcome=SignupOutcome.INBOX)


def _result_for(stop: LimitReason | None, *, goes_on: bool = False) -> SignupResult:
    if stop is None:
        return _RECORDED
    if stop in (LimitReason.FORM, LimitReason.FAST, LimitReason.ORIGIN, LimitReason.PUZZLE):
        return SignupResult(outcome=SignupOutcome.AGAIN)
    if stop in (LimitReason.NETWORK, LimitReason.EVERYONE, LimitReason.DOMAIN):
        return SignupResult(outcome=SignupOutcome.LATER, goes_on=goes_on)
    return SignupResult(outcome=SignupOutcome.INBOX)
