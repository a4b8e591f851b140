"""Checks a sign-up, the cheapest first, and takes it in if nothing speaks against it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from subscribers.address import parse
from subscribers.asking import Ask, ask
from subscribers.errors import BadAddress, BadProof, BadToken
from subscribers.links import address_mark
from subscribers.throttle import Stop, Weighed
from subscribers.web import origin
from subscribers.web.form import (
    FRAME_PATH,
    PROOF,
    TRAP,
    Shown,
    read_form_token,
    wording,
    wording_mark,
)
from subscribers.web.front import About, Front
from subscribers.web.place import Visit
from subscribers.web.shield import Shield
from subscribers.web.taking import Taking

_SOURCE = re.compile(r"[a-z0-9][a-z0-9:._-]{0,63}\Z")


class Outcome(StrEnum):
    """What whoever asked is told; what is known of the address is in none of them."""

    INBOX = "inbox"  #: check your inbox
    AGAIN = "again"  #: press the button once more
    ELSEWHERE = "elsewhere"  #: the form can't be sent from where it is shown
    FAULT = "fault"  #: the address can't be mailed
    LATER = "later"  #: too many sign-ups just now


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome, with the fault in words where there is one."""

    outcome: Outcome
    fault: str = ""
    goes_on: bool = False  #: whether a harder sum leads past what stopped it


@dataclass(frozen=True)
class Judge:
    """The checks of every way to sign up, with the shield they share."""

    front: Front
    shield: Shield = field(repr=False)
    taking: Taking = field(repr=False)

    def turned_away(self, visit: Visit) -> bool:
        """Tell whether a flood from there is under way; counts what is turned away."""
        stop = self.shield.stopped(visit.visitor)
        if stop is not None:
            self.shield.count(stop)
        return stop is not None

    async def judge(self, visit: Visit) -> Verdict:
        """Take one sign-up, or say what is told instead."""
        stop = self.shield.stopped(visit.visitor) or self._suspect(visit)
        if stop is not None:
            self.shield.count(stop)
            locked_in = stop is Stop.ORIGIN and self._is_locked_in(visit)
            return Verdict(outcome=Outcome.ELSEWHERE) if locked_in else _verdict(stop)
        about = about_of(visit)
        if about is None:
            return Verdict(outcome=Outcome.AGAIN)
        try:
            proof, harder = self._proof(visit)
            address = parse(visit.fields.get("email", ""))
        except BadProof:
            self.shield.count(Stop.PUZZLE)
            return _verdict(Stop.PUZZLE)
        except BadAddress as fault:
            return Verdict(outcome=Outcome.FAULT, fault=visit.words.faults[fault.fault])
        if address.domain in self.front.disposable:
            self.shield.count(Stop.DISPOSABLE)
            return Verdict(outcome=Outcome.FAULT, fault=visit.words.disposable)
        return await self._take(_ask(visit, about, Weighed(address, visit.visitor, proof, harder)))

    async def _take(self, one: Ask) -> Verdict:
        stop = await self.front.writer.together(self.ask, one)
        goes_on = stop in (Stop.EVERYONE, Stop.DOMAIN) and self.front.harder is not None
        if stop in (Stop.NETWORK, Stop.EVERYONE) and not goes_on:
            self.shield.stop(one.network, stop)
        else:
            self.taking.soon()
        return replace(_verdict(stop), goes_on=goes_on)

    def ask(self, session: Session, asks: Sequence[Ask]) -> list[Stop | None]:
        """Write sign-ups that came together, in one transaction."""
        front = self.front
        return ask(session, asks, limits=front.limits, hashes=front.hashes, now=front.clock())

    def _suspect(self, visit: Visit) -> Stop | None:
        if not origin.is_ours(visit.request, self.front.base_url):
            return Stop.ORIGIN
        if visit.fields.get(TRAP):
            return Stop.TRAP
        return self._check_token(visit)

    def _is_locked_in(self, visit: Visit) -> bool:
        """Tell whether our own form comes as another site's: a sandboxed frame has no origin."""
        if visit.request.url.path == FRAME_PATH:
            return True
        with suppress(BadToken):
            shown = read_form_token(self.front, visit.fields.get("token", ""))
            return shown.waited == _mark_of(visit)
        return False

    def _proof(self, visit: Visit) -> tuple[str, bool]:
        """Return the challenge that was answered, and if it is a harder one; raises `BadProof`."""
        answer, now = visit.fields.get(PROOF, ""), self.front.clock()
        if self.front.harder is not None:
            with suppress(BadProof):
                return self.front.harder.check(answer, now), True
        return (self.front.proof.check(answer, now) if self.front.proof else ""), False

    def _check_token(self, visit: Visit) -> Stop | None:
        about = about_of(visit)
        try:
            shown = read_form_token(self.front, visit.fields.get("token", ""))
        except BadToken:
            return Stop.FORM
        age = self.front.clock() - shown.at
        if age > timedelta(hours=self.front.form_hours):
            return Stop.FORM
        if about and not _says_the_same(shown, about):
            return Stop.FORM
        again = shown.waited == _mark_of(visit)
        early = age < timedelta(seconds=self.front.form_seconds) and not again
        return Stop.FAST if early else None


def _mark_of(visit: Visit) -> str:
    """Return the mark of the address that is sent; a form that was sent before has it too."""
    return address_mark(visit.fields.get("email", "")[:254])


def _says_the_same(shown: Shown, about: About) -> bool:
    """Tell whether somebody agreed to what would be kept as the wording."""
    mark = wording_mark(about, shown.language)
    return (shown.newsletter, shown.mark) == (about.slug, mark)


def about_of(visit: Visit) -> About | None:
    """Return the newsletter a visit is about, if there is one of that name."""
    asked = visit.fields.get("newsletter") or visit.request.query_params.get("newsletter", "")
    return visit.front.about(asked)


def source_of(visit: Visit, default: str = "page") -> str:
    """Return which form it was, if it says so in the way ours do."""
    source = visit.fields.get("form") or visit.request.query_params.get("form", default)
    return source if _SOURCE.match(source) else default


def _ask(visit: Visit, about: About, weighed: Weighed) -> Ask:
    language = read_form_token(visit.front, visit.fields.get("token", "")).language
    return Ask(
        address=weighed.address,
        newsletter=about.slug,
        form=source_of(visit, "api" if visit.program else "page"),
        wording=wording(about, language),
        language=language,
        network=weighed.network,
        proof=weighed.proof,
        harder=weighed.harder,
        seen_from=visit.kept_address(),
    )


def _verdict(stop: Stop | None) -> Verdict:
    if stop in (Stop.FORM, Stop.FAST, Stop.ORIGIN, Stop.PUZZLE):
        return Verdict(outcome=Outcome.AGAIN)
    if stop in (Stop.NETWORK, Stop.EVERYONE, Stop.DOMAIN):
        return Verdict(outcome=Outcome.LATER)
    return Verdict(outcome=Outcome.INBOX)
