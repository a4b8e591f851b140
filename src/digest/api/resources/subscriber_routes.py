"""Add readers with evidence of their consent, show them, let them leave, and erase them.

Hides by which of the two ways a reader is added: by the rules of an import where they have proved
elsewhere that the address is theirs, else by a letter that asks, as after our own form. Neither
brings anybody back who left, bounced or complained without a new confirmation of their own.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from digest.access import Scope
from digest.api.dependencies import MAX_NUMBER, ChangeRequest, Installation, PageOf, require, shown
from digest.api.paging import ListPage, cursor_of, divided, next_link
from digest.api.problems import ApiRefusal, FieldProblem, ProblemType, invalid
from digest.api.resources.subscriber_models import (
    AddressOrder,
    EraseAnswer,
    LeaveAnswer,
    LeaveOrder,
    NewsletterSlug,
    SubscribedReader,
    SubscribeOrder,
    SubscribeOutcome,
    SubscriberEntry,
    SubscriberExport,
    SubscriberFacts,
)
from digest.api.unit_of_change import ApiChange, ChangeAnswer
from digest.issues import store as issues
from digest.issues.newsletters import require_running
from subscribers import consent, export, lifecycle, store
from subscribers.abuse_prevention import LimitReason
from subscribers.address import Address, is_among, parse
from subscribers.errors import BadAddress, UnknownReader
from subscribers.importer import ImportOptions, add_reader
from subscribers.locale import LANGUAGES
from subscribers.models import ConsentAct
from subscribers.signup import SignupRequest, record_requests
from subscribers.store import Evidence, Reader
from subscribers.web import NetworkPrecision, network

router = APIRouter(prefix="/subscribers", tags=["subscribers"])
reads, writes = require(Scope.SUBSCRIBERS_READ), require(Scope.SUBSCRIBERS_WRITE)
SubscriberNumber = Annotated[int, Path(ge=1, le=MAX_NUMBER, description="The reader's number.")]
CHANNEL = "api"
_CLOCKS_APART = timedelta(minutes=5)
_LATER = {LimitReason.NETWORK, LimitReason.EVERYONE, LimitReason.DOMAIN}
_LATER_SECONDS = 3_600
_FIRST_FORMS = datetime(1990, 1, 1, tzinfo=UTC)  #: no web page had a form before


@router.get(
    "",
    operation_id="listSubscribers",
    summary="List a newsletter's readers",
    response_model=ListPage[SubscriberEntry],
    dependencies=[reads],
)
def list_subscribers(
    request: Request,
    app: Installation,
    page: PageOf,
    newsletter: Annotated[NewsletterSlug, Query(description="The newsletter's slug.")],
) -> Response:
    """List everyone who ever joined a newsletter, those who left as well, the oldest first."""
    [after] = page.position(int) or [0]
    with app.database.read() as session:
        issues.newsletter(session, newsletter)
        found = export.part(session, newsletter, after=int(after), at_most=page.limit + 1)
    rows, more = divided(found, page.limit)
    items = [SubscriberEntry(**row._mapping) for row in rows]
    cursor = cursor_of(items[-1].number) if more else None
    link = next_link(request, app.settings.base_url, cursor)
    return shown(request, ListPage[SubscriberEntry](items=items, next=cursor), headers=link)


@router.post(
    "",
    operation_id="addSubscriber",
    summary="Add a reader",
    response_model=SubscribedReader,
    dependencies=[writes],
)
def add_subscriber(request: Request, change: ChangeRequest, order: SubscribeOrder) -> Response:
    """Add a reader who has confirmed elsewhere, or send a letter that asks for confirmation.

    Nobody comes back who left, was erased, or must not be mailed: `reason` says so, and only the
    reader's own new confirmation changes it.
    """
    change.app.require_secrets()
    address = _address(order.address)
    _check(change, order, address)

    def act(session: Session) -> ChangeAnswer:
        add = _add_confirmed if order.consent.confirmed else _ask
        results = [add(session, change, order, address, slug) for slug in order.newsletters]
        reader = store.find(session, address.key) if order.consent.confirmed else None
        number = reader.id if reader else None
        return ChangeAnswer(
            shown=SubscribedReader(number=number, results=results), about_subscriber=number
        )

    def send_letters() -> None:
        if not order.consent.confirmed:
            change.app.public_site.process_sign_ups()
            request.app.state.on_letter()

    return change.run(act, afterwards=send_letters)


@router.post(
    "/lookup",
    operation_id="lookUpSubscriber",
    summary="Look a reader up by address",
    response_model=SubscriberFacts,
    dependencies=[reads],
)
def look_up_subscriber(
    request: Request, app: Installation, _change: ChangeRequest, order: AddressOrder
) -> Response:
    """Show what is known of an address. It changes nothing, and no answer is kept under a key."""
    with app.database.read() as session:
        facts = app.reader_requests.record(session, _address(order.address).key)
    return shown(request, SubscriberFacts.model_validate(facts), cache="no-store")


@router.get(
    "/{number}",
    operation_id="getSubscriber",
    summary="Get a reader",
    response_model=SubscriberFacts,
    dependencies=[reads],
)
def get_subscriber(request: Request, app: Installation, number: SubscriberNumber) -> Response:
    """Get a reader's address, subscriptions, and whether the address must not be mailed."""
    with app.database.read() as session:
        facts = app.reader_requests.record(session, _known(session, number).address_key)
    return shown(request, SubscriberFacts.model_validate(facts), cache="no-store")


@router.get(
    "/{number}/export",
    operation_id="exportSubscriber",
    summary="Export a reader's data",
    response_model=SubscriberExport,
    dependencies=[reads],
)
def export_subscriber(request: Request, app: Installation, number: SubscriberNumber) -> Response:
    """Get all that is stored about a reader: consent, letters, issues, votes."""
    with app.database.read() as session:
        facts = app.reader_requests.record(session, _known(session, number).address_key)
    return shown(request, SubscriberExport.model_validate(facts), cache="no-store")


@router.post(
    "/{number}/leave",
    operation_id="leaveNewsletter",
    summary="Unsubscribe a reader",
    response_model=LeaveAnswer,
    dependencies=[writes],
)
def leave(change: ChangeRequest, number: SubscriberNumber, order: LeaveOrder) -> Response:
    """Unsubscribe a reader from one newsletter, now."""

    def act(session: Session) -> ChangeAnswer:
        slug = issues.newsletter(session, order.newsletter).slug
        reader = _known(session, number)
        evidence = Evidence(channel=CHANNEL, form=change.by[:64])
        left = lifecycle.leave(session, reader.id, slug, evidence, change.app.clock())
        return ChangeAnswer(
            shown=LeaveAnswer(newsletter=slug, unsubscribed=left), about_subscriber=reader.id
        )

    return change.run(act)


@router.post(
    "/{number}/erase",
    operation_id="eraseSubscriber",
    summary="Erase a reader",
    response_model=EraseAnswer,
    dependencies=[writes],
)
def erase(change: ChangeRequest, number: SubscriberNumber) -> Response:
    """Erase everything about a reader, for good.

    What stays is the consent record, under a number, and a keyed hash of the address, so that no
    import adds it again.
    """
    change.app.require_secrets()

    def act(session: Session) -> ChangeAnswer:
        evidence = Evidence(channel=CHANNEL, form=change.by[:64])
        change.app.reader_requests.erase(session, _known(session, number), evidence)
        return ChangeAnswer(shown=EraseAnswer(erased=True))

    return change.run(act, afterwards=change.app.database.scrub)


def _known(session: Session, number: int) -> Reader:
    reader = store.find_by_id(session, number)
    if reader is None:
        raise UnknownReader("No subscriber has this number.")
    return reader


def _address(text: str) -> Address:
    try:
        return parse(text)
    except BadAddress as fault:
        raise _invalid("#/address", str(fault)) from None


def _check(change: ApiChange, order: SubscribeOrder, address: Address) -> None:
    """Raise `ApiRefusal` for an order that can't be true, or can't be mailed."""
    asked_at = order.consent.asked_at
    if asked_at is not None and asked_at > change.app.clock() + _CLOCKS_APART:
        raise _invalid("#/consent/asked_at", "is in the future")
    if asked_at is not None and asked_at < _FIRST_FORMS:
        raise _invalid("#/consent/asked_at", f"is before {_FIRST_FORMS:%Y}")
    if order.language is not None and order.language not in LANGUAGES:
        raise _invalid("#/language", f"is none of {', '.join(LANGUAGES)}")
    if len(set(order.newsletters)) < len(order.newsletters):
        raise _invalid("#/newsletters", "names a newsletter twice")
    if not order.consent.confirmed and is_among(address.domain, change.app.public_site.disposable):
        raise _invalid("#/address", "is of a domain for throwaway addresses")


def _add_confirmed(
    session: Session, change: ApiChange, order: SubscribeOrder, address: Address, slug: str
) -> SubscribeOutcome:
    """Add a reader by the rules of an import; the record says when they asked, and where."""
    language = _language(session, order, slug)
    now, given = change.app.clock(), order.consent
    refusal = add_reader(
        session,
        address,
        ImportOptions(newsletter=slug, consent=given.confirmed or "", language=language),
        hashes=change.app.hashes,
        now=now,
        source=f"{CHANNEL} ({change.by})"[:64],
        channel=CHANNEL,
    )
    reader = store.find(session, address.key)
    if reader is not None and not refusal:
        evidence = Evidence(
            channel=CHANNEL,
            form=given.form,
            wording=given.words,
            language=language,
            network=_kept_network(change, order),
        )
        asked_at: datetime = given.asked_at or now
        consent.record(session, reader.id, slug, ConsentAct.ASKED, evidence, asked_at)
    return SubscribeOutcome(newsletter=slug, added=not refusal, asked=False, reason=refusal or None)


def _ask(
    session: Session, change: ApiChange, order: SubscribeOrder, address: Address, slug: str
) -> SubscribeOutcome:
    """Record a sign-up as our own form does; raises `ApiRefusal` past a limit."""
    limits = change.app.public_site.rate_limits
    asked = SignupRequest(
        address=address,
        newsletter=slug,
        form=f"{CHANNEL}:{order.consent.form}",
        wording=order.consent.words,
        language=_language(session, order, slug),
        network=network(order.visitor) if order.visitor else f"token {change.caller.token_id}",
        seen_from=_kept_network(change, order),
    )
    [stop] = record_requests(
        session, [asked], limits=limits, hashes=change.app.hashes, now=change.app.clock()
    )
    if stop in _LATER:
        raise ApiRefusal(
            ProblemType.RATE_LIMITED,
            "There are a lot of sign-ups right now: overall, from this network or for this domain.",
            next_step="send it again in an hour, and give each reader's own address as visitor",
            headers={"Retry-After": str(_LATER_SECONDS)},
        )
    return SubscribeOutcome(newsletter=slug, added=False, asked=True, reason=None)


def _language(session: Session, order: SubscribeOrder, slug: str) -> str:
    """Return the language of a new reader of a newsletter; raises unless it takes readers."""
    newsletter = issues.newsletter(session, slug)
    require_running(session, newsletter)
    return order.language or newsletter.language


def _kept_network(change: ApiChange, order: SubscribeOrder) -> str | None:
    return NetworkPrecision(change.app.settings.keep_network).kept(order.visitor)


def _invalid(pointer: str, words: str) -> ApiRefusal:
    return invalid([FieldProblem(pointer=pointer, detail=words)])
