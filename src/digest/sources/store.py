"""SQL of sources and their pages; that of proposals stands with what decides on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, update
from sqlalchemy import select as columns
from sqlmodel import Session, col, delete, select

from digest.errors import NotFound, WrongState
from digest.sources.models import PageOutcome, Proposal, Source, SourcePage
from subscribers.sql import chunks, upsert

#: How long a page without a comparison is remembered once it isn't listed any more.
FORGET = timedelta(days=30)


MOST_PAGES = 5_000  #: that are followed of one source


class Validators(NamedTuple):
    """What a server is told about the copy that is known, so that it answers only a newer one."""

    etag: str = ""
    last_modified: str = ""

    def headers(self) -> dict[str, str]:
        """Return them as request headers."""
        named = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in named.items() if value}


NOT_KNOWN = Validators()


@dataclass(frozen=True, kw_only=True)
class SourceListing:
    """The pages of a source that are meant; ``None`` where the list hasn't changed."""

    pages: tuple[str, ...] | None
    whole: bool = False  #: whether a page that is missing here is gone
    left_out: int = 0  #: pages that are listed, and not meant
    validators: Validators = NOT_KNOWN


class KnownPage(NamedTuple):
    """How a page was when it was last read."""

    validators: Validators
    body_hash: str


def by_id(session: Session, source_id: int, *, lock: bool = False) -> Source:
    """Return a source; raises `NotFound`. *lock* locks its row until the caller commits."""
    source = session.get(Source, source_id, populate_existing=True, with_for_update=lock or None)
    if source is None:
        raise NotFound(f"there is no source {source_id}", next_step="digest sources list")
    return source


def hold_source(session: Session, source_id: int | None) -> None:
    """Lock a source's row until the caller commits.

    A poll locks it before it writes a page and its proposal. What else writes those does the same,
    or each could wait for the other.
    """
    held = columns(col(Source.id)).where(col(Source.id) == source_id).with_for_update()
    session.connection().execute(held)


def all_sources(session: Session) -> Sequence[Source]:
    """Return every source, the oldest first."""
    return session.exec(select(Source).order_by(col(Source.id))).all()


def due(session: Session, now: datetime) -> list[int]:
    """Return the ids of the sources whose poll is due, the longest overdue first."""
    chosen = select(Source.id).where(col(Source.paused_at).is_(None), Source.next_poll_at <= now)
    return [id_ for id_ in session.exec(chosen.order_by(col(Source.next_poll_at))) if id_]


def claim(
    session: Session, source: Source, owner: str, now: datetime, lease_until: datetime
) -> bool:
    """Take a source as it was read for one process; return whether this process got it."""
    unchanged = (
        col(Source.owner).is_not_distinct_from(source.owner),
        col(Source.lease_until).is_not_distinct_from(source.lease_until),
        col(Source.paused_at).is_(None),
    )
    statement = (
        update(Source)
        .where(col(Source.id) == source.id, *unchanged)
        .values(
            owner=owner,
            lease_until=lease_until,
            poll_began_at=func.coalesce(col(Source.poll_began_at), now),
        )
        .execution_options(synchronize_session=False)
    )
    return session.connection().execute(statement).rowcount == 1


def has_page(session: Session, source_id: int, url: str) -> bool:
    """Return whether a source follows the page at *url*."""
    chosen = select(SourcePage.id).where(SourcePage.source_id == source_id, SourcePage.url == url)
    return session.exec(chosen).first() is not None


def keep_listing(session: Session, source: Source, listing: SourceListing, at: datetime) -> None:
    """Take down which pages a source lists now; the caller commits.

    New ones are taken until the source has `MOST_PAGES`.
    """
    if listing.pages is None:
        session.connection().execute(
            update(SourcePage)
            .where(
                col(SourcePage.source_id) == source.id,
                col(SourcePage.listed_at) == source.listed_at,
            )
            .values(listed_at=at)
        )
    else:
        add_pages(session, source, listing.pages, at)
        source.listed_all = listing.whole
    source.listed_at = at
    source.etag, source.last_modified = listing.validators
    session.add(source)


def add_pages(session: Session, source: Source, urls: Iterable[str], at: datetime) -> None:
    """Follow pages that a source lists, and take down of the known ones that it still does."""
    known = set(session.exec(select(SourcePage.url).where(SourcePage.source_id == source.id)))
    listed = list(urls)
    new = [url for url in listed if url not in known][: max(0, MOST_PAGES - len(known))]
    kept = known.union(new)
    statement = upsert(session, SourcePage)
    statement = statement.on_conflict_do_update(
        index_elements=["source_id", "url"], set_={"listed_at": statement.excluded.listed_at}
    )
    fresh = {
        "source_id": source.id,
        "listed_at": at,
        **dict.fromkeys(("refusal", "etag", "last_modified", "body_hash", "fingerprint"), ""),
        "absent": 0,
    }
    for part in chunks([{**fresh, "url": url} for url in listed if url in kept]):
        session.connection().execute(statement, part)


def due_pages(
    session: Session, source: Source, began_at: datetime, most: int
) -> list[tuple[int, str, KnownPage]]:
    """Return the pages that a poll has left, those that were never read first.

    A poll looks at *most* pages; the next one goes on with those that were not looked at longest.
    """
    looked = (
        columns(func.count())
        .select_from(SourcePage)
        .where(col(SourcePage.source_id) == source.id, col(SourcePage.checked_at) >= began_at)
    )
    left = most - session.connection().execute(looked).scalar_one()
    chosen = (
        select(SourcePage)
        .where(
            SourcePage.source_id == source.id,
            col(SourcePage.checked_at).is_(None) | (col(SourcePage.checked_at) < began_at),
            col(SourcePage.outcome).is_distinct_from(PageOutcome.GONE)
            | (col(SourcePage.listed_at) >= (source.listed_at or began_at)),
        )
        .order_by(
            col(SourcePage.checked_at).is_not(None), col(SourcePage.checked_at), col(SourcePage.id)
        )
        .limit(max(0, left))
    )
    return [
        (
            page.id or 0,
            page.url,
            KnownPage(Validators(page.etag, page.last_modified), page.body_hash),
        )
        for page in session.exec(chosen)
    ]


def waits(session: Session, page_id: int) -> bool:
    """Return whether what a page proposes waits for an editor."""
    chosen = select(Proposal.id).where(
        Proposal.page_id == page_id, col(Proposal.decided_at).is_(None)
    )
    return session.exec(chosen).first() is not None


def outcomes(
    session: Session, source_id: int, since: datetime | None = None
) -> dict[PageOutcome, int]:
    """Return how many pages were found how when they were last looked at, since a moment."""
    chosen = (
        select(SourcePage.outcome, func.count())
        .where(SourcePage.source_id == source_id)
        .group_by(col(SourcePage.outcome))
    )
    if since is not None:
        chosen = chosen.where(col(SourcePage.checked_at) >= since)
    return {PageOutcome(outcome): number for outcome, number in session.exec(chosen) if outcome}


def count_pages(session: Session, source_id: int) -> int:
    """Return how many pages of a source are followed."""
    return session.exec(select(func.count()).where(col(SourcePage.source_id) == source_id)).one()


def pages_of(session: Session, source_id: int) -> Sequence[SourcePage]:
    """Return the pages of a source, by address."""
    chosen = select(SourcePage).where(SourcePage.source_id == source_id)
    return session.exec(chosen.order_by(col(SourcePage.url))).all()


def drop_pages(session: Session, source: Source, now: datetime) -> None:
    """Forget pages that never became a comparison, once they're gone or long unlisted."""
    is_past = (col(SourcePage.outcome) == PageOutcome.GONE) | (
        col(SourcePage.listed_at) < now - FORGET
    )
    past = columns(col(SourcePage.id)).where(
        col(SourcePage.source_id) == source.id,
        col(SourcePage.comparison_id).is_(None),
        is_past,
        col(SourcePage.url) != source.url,
    )
    ids = [page_id for page_id in session.connection().execute(past).scalars() if page_id]
    _delete_pages(session, ids)


def pause_source(session: Session, source_id: int, now: datetime) -> Source:
    """Poll a source no more until it is resumed; the caller commits. Raises `NotFound`."""
    source = by_id(session, source_id)
    source.paused_at = source.paused_at or now
    session.add(source)
    return source


def poll_soon(session: Session, source_id: int, now: datetime) -> Source:
    """Let the service poll a source within a minute; the caller commits.

    Raises `NotFound`, and `WrongState` for a paused one.
    """
    source = by_id(session, source_id)
    if source.paused_at is not None:
        raise WrongState(
            f"source {source_id} is paused", next_step=f"digest sources resume {source_id}"
        )
    source.next_poll_at = min(source.next_poll_at, now)
    session.add(source)
    return source


def resume_source(session: Session, source_id: int, now: datetime) -> Source:
    """Poll a paused source again, at once; the caller commits. Raises `NotFound`."""
    source = by_id(session, source_id)
    source.paused_at, source.next_poll_at = None, now
    session.add(source)
    return source


def remove(session: Session, source: Source) -> int:
    """Stop following a source, and delete what it proposed; return how many proposals waited.

    The comparisons that came of it stay. The caller commits, and has locked the source, as a poll
    does before it locks proposals and pages.
    """
    mine = col(Proposal.source_id) == source.id
    waited = session.exec(
        select(func.count()).where(mine, col(Proposal.decided_at).is_(None))
    ).one()
    session.exec(delete(Proposal).where(mine))
    session.exec(delete(SourcePage).where(col(SourcePage.source_id) == source.id))
    session.delete(source)
    return waited


def _delete_pages(session: Session, ids: Sequence[int]) -> None:
    for part in chunks(ids):
        session.exec(delete(Proposal).where(col(Proposal.page_id).in_(part)))
        session.exec(delete(SourcePage).where(col(SourcePage.id).in_(part)))
