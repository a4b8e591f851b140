"""Joins the form of a mail, its signature and a relay's connection into a transport.

This module decides what the answers of single mails are together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from typing import Any

import orjson

from digest.mail.mailing import MAX_RECIPIENTS, Mailing, Recipient
from digest.mail.smtp.mail_form import (
    body_pieces,
    joined_body,
    own_head,
    shared_head,
    without_marks,
)
from digest.mail.smtp.relay_connection import CannotOpen, Deadline, RelayAddress
from digest.mail.smtp.relay_pool import RelayPool
from digest.mail.smtp.relay_replies import MailVerdict
from digest.mail.smtp.relay_session import OutgoingMail, RelaySession
from digest.mail.smtp.return_path import ReturnPaths, message_id, return_path
from digest.mail.transport import (
    Accepted,
    Answer,
    Halted,
    InDoubt,
    Mixed,
    NotSent,
    PreparedRequest,
    Refused,
    SingleAnswer,
)

#: Takes a mail's content and its sender's domain; returns the content with a signature.
Sign = Callable[[bytes, str], bytes]
_UNTRIED = NotSent(detail="its turn didn't come in this request", wait=0.0, counts=False)


@dataclass(frozen=True, kw_only=True)
class Envelopes:
    """Makes each mail's return path and Message-ID."""

    paths: ReturnPaths
    base: str  #: the address for bounces; empty for the sender's own

    def of(self, mailing: Mailing, recipient: Recipient) -> tuple[str, str]:
        """Return where bounces of one mail go, and its Message-ID."""
        sender = mailing.content.sender.address
        is_delivery = recipient.delivery.isdecimal()  # a test copy has no delivery of its own
        token = self.paths.token(
            attempt=mailing.attempt if is_delivery else "",
            delivery=recipient.delivery,
            address=recipient.address,
        )
        path = return_path(self.base, token) if self.base else sender
        return path, message_id(token, sender.rpartition("@")[2])


@dataclass(frozen=True, kw_only=True)
class SMTPTransport:
    """Hands mails over to a relay, one by one on a kept connection, each with an answer of its own.

    *seconds* limits one request.
    """

    relay: RelayAddress
    seconds: float
    envelopes: Envelopes = field(repr=False)
    sign: Sign | None = field(default=None, repr=False)
    clock: Callable[[], float] = time.time
    _pool: RelayPool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin without a connection."""
        object.__setattr__(self, "_pool", RelayPool(partial(RelaySession, self.relay)))

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        """Return the mails as JSON: what they share once, and what each has of its own."""
        return PreparedRequest(
            payload=orjson.dumps(mails_of(mailing, self.envelopes)),
            recipients=len(mailing.recipients),
            one_by_one=True,
        )

    def hand_over(self, request: PreparedRequest) -> Answer:
        """Hand each mail over once, and return what became of them."""
        deadline = Deadline(self.seconds)
        outgoing = _outgoing(orjson.loads(request.payload), self.sign, self.clock())
        verdicts: list[MailVerdict] = []
        try:
            while len(verdicts) < request.recipients and not deadline.is_over:
                with self._pool.session(deadline) as session:
                    verdicts += _through(session, outgoing, deadline)
                    halted = any(isinstance(each.answer, Halted) for each in verdicts)
                    goes_on = session.is_usable and not halted
                if not goes_on:
                    break
        except CannotOpen as fault:
            verdicts.append(MailVerdict(fault.answer))
        missing = request.recipients - len(verdicts)
        return as_one([*verdicts, *[MailVerdict(_UNTRIED)] * missing])

    def dry_run(self, mailing: Mailing) -> Answer:
        """Log in, and have sender and recipient judged; `Accepted` where a mail would be taken."""
        deadline = Deadline(self.seconds)
        mails = orjson.loads(self.prepare(mailing).payload)
        try:
            with self._pool.session(deadline) as session:
                said = session.try_out(next(_outgoing(mails, self.sign, self.clock())), deadline)
        except CannotOpen as fault:
            return fault.answer
        return said.answer if said else Accepted(status=250)


def mails_of(mailing: Mailing, envelopes: Envelopes) -> dict[str, Any]:
    """Return a mailing's mails as plain values; raise `ValueError` for none, or for too many."""
    if not 0 < len(mailing.recipients) <= MAX_RECIPIENTS:
        raise ValueError(f"a request takes 1 to {MAX_RECIPIENTS} recipients")
    content = mailing.content
    return {
        "issue": mailing.issue,
        "batch": mailing.batch,
        "attempt": mailing.attempt,
        "domain": content.sender.address.rpartition("@")[2],
        "head": shared_head(content),
        "text": content.text,
        "html": without_marks(content.html),
        "mails": [_mail_of(mailing, each, envelopes) for each in mailing.recipients],
    }


def _mail_of(mailing: Mailing, recipient: Recipient, envelopes: Envelopes) -> dict[str, Any]:
    path, its_id = envelopes.of(mailing, recipient)
    return {
        "from": path,
        "to": recipient.address,
        "head": own_head(mailing.content, recipient, its_id),
        "parts": recipient.parts,
    }


def _outgoing(mails: Mapping[str, Any], sign: Sign | None, now: float) -> Iterator[OutgoingMail]:
    """Yield each mail in its form on the wire, made when it is its turn."""
    pieces = body_pieces(mails["text"], mails["html"])
    shared = [f"Date: {format_datetime(datetime.fromtimestamp(now, UTC))}", *mails["head"]]
    for each in mails["mails"]:
        head = "\r\n".join([*shared, *each["head"], "\r\n"]).encode("ascii")
        content = head + joined_body(pieces, each["parts"])
        yield OutgoingMail(
            sender=each["from"],
            recipient=each["to"],
            content=sign(content, mails["domain"]) if sign else content,
            id=each["from"].partition("@")[0].rpartition("+")[2],
        )


def _through(
    session: RelaySession, mails: Iterator[OutgoingMail], deadline: Deadline
) -> Iterator[MailVerdict]:
    """Yield the verdict on each mail that goes through one session."""
    while session.is_usable and not session.is_full:
        mail = None if deadline.is_over else next(mails, None)
        if mail is None:
            return
        verdict = session.hand_over(mail, deadline)
        yield verdict
        if isinstance(verdict.answer, Halted):
            return


def as_one(verdicts: Sequence[MailVerdict]) -> Answer:
    """Return one answer for all mails of a request: theirs if they fared alike, else `Mixed`."""
    answers = [verdict.answer for verdict in verdicts]
    tried = [answer for answer in answers if answer is not _UNTRIED]
    kinds = {type(answer) for answer in tried}
    of_one = any(isinstance(answer, NotSent) and answer.about_recipient for answer in tried)
    is_whole = len(tried) == len(answers) or (kinds <= {NotSent, Halted} and not of_one)
    if len(kinds) == 1 and is_whole:
        return _of_a_kind(tried, alike=len(tried) == len(answers) > 1, verdicts=verdicts)
    if not tried:
        return _UNTRIED
    detail = next((answer.detail for answer in tried if answer.detail), "")
    return Mixed(answers=answers, detail=detail)


def _of_a_kind(
    answers: Sequence[SingleAnswer], *, alike: bool, verdicts: Sequence[MailVerdict]
) -> Answer:
    """Return the answer of mails that all got the same kind of it."""
    first = answers[0]
    match first:
        case Refused():
            if alike and all(verdict.about_mail for verdict in verdicts):
                why = f"the relay refuses every mail: {first.detail}"
                return Halted(status=first.status, detail=why)
            named = {index: answer.detail for index, answer in enumerate(answers)}
            return replace(first, recipients=named)
        case NotSent():
            blamed = [each for each in answers if isinstance(each, NotSent) and each.counts]
            first = next((each for each in blamed if not each.about_recipient), first)
            return replace(first, about_recipient=False, wait=None) if alike else first
        case InDoubt() | Halted() | Accepted():
            return first
    raise AssertionError("every answer is one of these")
