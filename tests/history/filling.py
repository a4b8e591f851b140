"""A store with years of sent issues, their deliveries, events, consents and votes, made by SQL.

The rows look like those that a send, its events and its readers leave, in the numbers asked for.
Each statement is one for SQLite and PostgreSQL but for the words of `_WORDS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text
from sqlmodel import select

from digest import samples
from digest.app.installation import App
from digest.comparisons.loader import read_file
from digest.comparisons.store import store_draft
from digest.delivery.settled_counts import settle_counts
from digest.issues.models import Edition, Issue
from subscribers import list_statistics
from subscribers.sql import chunks

MOST_COMPARISONS = 100  #: that are stored; issues repeat them, five each
ISSUES_AT_ONCE = 10  #: in one transaction
_AT = "%Y-%m-%d %H:%M:%S.000000"


@dataclass(frozen=True, kw_only=True)
class History:
    """How much has happened, each issue a week after the one before."""

    issues: int
    kept: int  #: issues whose events aren't pruned yet, the newest
    left: int  #: readers who left after each issue
    votes: int  #: on the first tool of each comparison


def add_history(app: App, history: History, batch: int = 1000) -> None:
    """Put *history* before the one issue that is built; every reader got every issue."""
    _add_comparisons(app, history.issues)
    with app.database.write() as session:
        built, edition = session.exec(select(Issue)).one(), session.exec(select(Edition)).one()
        last, built.number = built.built_at, history.issues + 1
        session.flush()
        base = {"issue": built.id or 0, "edition": edition.id or 0}
        run = _Statements(session.connection(), base)
        _add_issues(run, history, last)
        _add_readers(run, history, last)
    for numbers in chunks(range(1, history.issues + 1), ISSUES_AT_ONCE):
        with app.database.write() as session:
            run = _Statements(session.connection(), base)
            for number in numbers:
                weeks = history.issues - number + 1
                _add_deliveries(run, number, last - timedelta(weeks=weeks), batch)
                if weeks <= history.kept:
                    run.all(_EVENTS, number=number)
    with app.database.write() as session:
        _Statements(session.connection(), base).all(_EVENT_COUNTS)
    settle_counts(app.database, app.clock())
    with app.database.write() as session:
        list_statistics.count_entries(session, app.clock())
    if not app.database.is_sqlite:  # which does none of this unless somebody asks for it
        with app.database.engine.connect() as server:  # as its own vacuum has, over the years
            server.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))


class _Statements:
    """Runs statements of the kinds below on one connection."""

    def __init__(self, connection: Connection, base: dict[str, int]) -> None:
        self._connection, self._base = connection, base
        self._words = _WORDS[connection.dialect.name]
        if connection.dialect.name == "postgresql":  # the rows match by how they are made
            connection.execute(text("SET LOCAL session_replication_role = replica"))

    def all(self, templates: tuple[str, ...], **values: object) -> None:
        """Run each statement, with the values that its template names."""
        for template in templates:
            self._connection.execute(text(self._text(template, values)))

    def number(self, template: str, **values: object) -> int:
        """Return the number that a query counts."""
        return int(self._connection.execute(text(self._text(template, values))).scalar_one())

    def number_on(self, *tables: str) -> None:
        """Let the next row of each table get the number after the highest."""
        if self._connection.dialect.name == "postgresql":  # SQLite does so by itself
            self.all(tuple(_NUMBER_ON.replace("{table}", table) for table in tables))

    def _text(self, template: str, values: dict[str, object]) -> str:
        given = {**self._base, **values}
        words = {
            name: word.format(**given)
            for name, word in self._words.items()
            if f"{{{name}}}" in template
        }
        return template.format(**given, **words)


def _add_comparisons(app: App, issues: int) -> None:
    drafts = [read_file(path) for path in samples.comparisons()]
    for numbers in chunks(range(min(issues, MOST_COMPARISONS)), ISSUES_AT_ONCE):
        with app.database.write() as session:
            for number in numbers:
                draft = drafts[number % len(drafts)]
                again = draft.model_copy(update={"slug": f"{draft.slug}-{number}"})
                store_draft(session, again, now=app.clock())


def _add_issues(run: _Statements, history: History, last: datetime) -> None:
    for number in range(1, history.issues + 1):
        at = last - timedelta(weeks=history.issues - number + 1)
        year, week, _ = at.isocalendar()
        when = {"at": at.strftime(_AT), "day": at.date(), "period": f"{year}-W{week:02}"}
        run.all(_ISSUE, number=number, **when)
    for position in range(1, 6):
        run.all(_PLACEMENTS, position=position)


def _add_readers(run: _Statements, history: History, last: datetime) -> None:
    """Add those who left again, what each reader did in ten years, and their votes."""
    first = run.number("SELECT max(id) FROM subscriber")
    run.all(_LEAVERS, many=history.left * history.issues, first=first, at=last.strftime(_AT))
    run.all(_LETTERS, at=(last - timedelta(days=30)).strftime(_AT))
    began = (last - timedelta(weeks=520)).date()
    for act, days in (("asked", 0), ("confirmed", 1)):
        run.all(_CONSENTS, act=act, days=days, began=began, first=0)
    run.all(_CONSENTS, act="withdrawn", days=2, began=began, first=first)
    run.all(_VOTES, votes=history.votes)
    run.number_on("subscriber", "issue", "edition")


def _add_deliveries(run: _Statements, number: int, at: datetime, batch: int) -> None:
    readers = run.number("SELECT count(*) FROM subscription WHERE standing = 'confirmed'")
    values = {
        "number": number,
        "base": readers * (number - 1),
        "readers": readers,
        "batch": batch,
        "size": batch - batch // 100,
        "many": -(-readers // batch),
        "moment": int(at.timestamp()),
        "at": at.strftime(_AT),
    }
    run.all(_DELIVERIES, **values)


#: What the two databases call differently: the numbers from 1 to *many*, and three functions.
_WORDS = {
    "sqlite": {
        "numbers": "(WITH RECURSIVE r(i) AS"
        " (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < {many}) SELECT i FROM r)",
        "key": "printf('%032x', 1000000 * {number} + i)",
        "least": "min",
        "acted_at": "strftime('%Y-%m-%d 00:00:00.000000', '{began}',"
        " '+' || (id % 3600 + {days}) || ' days')",
    },
    "postgresql": {
        "numbers": "(SELECT generate_series(1, {many}) AS i)",
        "key": "lpad(to_hex(1000000 * {number} + i), 32, '0')",
        "least": "least",
        "acted_at": "(DATE '{began}' + (id % 3600 + {days})::integer)",
    },
}
_NUMBER_ON = "SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
_ISSUE = (
    "INSERT INTO issue (id, newsletter_id, number, period, state, note, pick, built_at,"
    " prepared_at, sent_at) SELECT {issue} + {number}, newsletter_id, {number}, '{period}', 'sent',"
    " '', pick, '{at}', '{at}', '{at}' FROM issue WHERE id = {issue}",
    "INSERT INTO edition (id, issue_id, slice, revision, language, tracking, subject, preheader,"
    " html, text, fingerprint, frozen_at)"
    " SELECT {edition} + {number}, {issue} + {number}, slice, 1, language, 'anonymous', subject,"
    " preheader, html, text, fingerprint, '{at}' FROM edition WHERE id = {edition}",
    "INSERT INTO approval (issue_id, act, seal, editions, audience, templates, accepted, note,"
    " by, at) VALUES ({issue} + {number}, 'approved', '', '[]', '', '', '[]', '', 'Ada', '{at}')",
    "INSERT INTO turn (newsletter_id, period, day, due_at, state, note, claimed_at)"
    " SELECT newsletter_id, '{period}', '{day}', '{at}', 'released', '', '{at}' FROM issue"
    " WHERE id = {issue}",
)
_PLACEMENTS = (
    "INSERT INTO placement (issue_id, position, comparison_id, revision_id)"
    " SELECT issue.id, {position}, r.comparison_id, r.id"
    " FROM issue JOIN comparison_revision r ON r.id = 1 + (issue.number * 5 + {position})"
    " % (SELECT max(id) FROM comparison_revision) WHERE issue.id > {issue}",
)
_LEAVERS = (
    "INSERT INTO subscriber (id, address, address_key, language, created_at)"
    " SELECT {first} + i, 'left' || i || '@example.net', 'left' || i || '@example.net', 'en',"
    " '{at}' FROM {numbers} n",
    "INSERT INTO subscription (subscriber_id, newsletter, standing, source, since)"
    " SELECT id, 'weekly', 'unsubscribed', 'form', created_at FROM subscriber WHERE id > {first}",
)
_LETTERS = (
    "INSERT INTO letter_to_send (subscriber_id, newsletter, kind, state, language, asked_at, since,"
    " asks_for, about, tries) SELECT id, 'weekly', 'verdict-changed', 'sent', 'en', '{at}', '{at}',"
    " '', 'verdict/' || id, 1 FROM subscriber",
)
_CONSENTS = (
    "INSERT INTO consent (subscriber_id, newsletter, act, channel, form, language, at)"
    " SELECT id, 'weekly', '{act}', 'form', 'page', 'en', {acted_at} FROM subscriber"
    " WHERE id > {first}",
)
_VOTES = (
    "INSERT INTO vote (comparison_id, tool_id, subscriber_id, call, edition_id, at, is_new)"
    " SELECT r.comparison_id, contender.tool_id, s.id, 'ship', {edition}, s.created_at, FALSE"
    " FROM comparison_revision r JOIN contender ON contender.revision_id = r.id AND side = 0"
    " JOIN subscriber s ON s.id <= {votes}",
    "INSERT INTO vote_change (vote_id, call, at) SELECT id, call, at FROM vote",
    "INSERT INTO scanned_copy (edition_id, subscriber_id, sign, at, pressed)"
    " SELECT edition.id, s.id, 'burst', s.created_at, FALSE FROM edition JOIN subscriber s"
    " ON s.id <= {votes}",
    "INSERT INTO vote_visit (subscriber_id, edition_id, moment, link, machine)"
    " SELECT subscriber_id, edition_id, 1700000000, 1, 0 FROM scanned_copy WHERE edition_id < 4",
)
_DELIVERIES = (
    "INSERT INTO delivery (id, edition_id, subscriber_id, outcome, reason, news, news_at)"
    " SELECT {base} + id, {edition} + {number}, id,"
    " CASE WHEN id % 100 = 0 THEN 'excluded' END,"
    " CASE WHEN id % 100 = 0 THEN 'unsubscribed' END,"
    " CASE WHEN id % 100 = 0 THEN NULL WHEN id % 500 = 1 THEN 'bounced'"
    " WHEN id % 5000 = 2 THEN 'complained' ELSE 'delivered' END,"
    " {moment} FROM subscriber WHERE id <= {readers} ORDER BY id",
    "INSERT INTO batch (id, key, edition_id, number, root, first_delivery, last_delivery,"
    " size, state, attempt, attempts, tries, recoveries, note)"
    " SELECT 100000 * {number} + i, {key}, {edition} + {number}, i, {key},"
    " {base} + (i - 1) * {batch} + 1, {least}({base} + i * {batch}, {base} + {readers}),"
    " {size}, 'accepted', {key}, 1, 0, 0, '' FROM {numbers} n",
    "INSERT INTO attempt (key, batch_id, number, owner, claimed_at, lease_until, started_at,"
    " settled_at, outcome, status, provider_id, detail, proved_at)"
    " SELECT {key}, 100000 * {number} + i, 1, 'host/1/1', '{at}', '{at}', '{at}', '{at}',"
    " 'accepted', 202, {key}, '', {moment} FROM {numbers} n",
)
_EVENT_COUNTS = (
    "INSERT INTO event_count (edition_id, kind, number)"
    " SELECT edition_id, kind, count(*) FROM mail_event GROUP BY edition_id, kind",
)
_EVENT = (
    "INSERT INTO mail_event (delivery_id, kind, moment, link, edition_id, machine, cause, detail)"
)
_COPIES = "FROM delivery WHERE edition_id = {edition} + {number} AND news IS NOT NULL"
#: The pseudonyms of opens are scattered, as hashes are.
_EVENTS = (
    f"{_EVENT} SELECT id, 'processed', news_at, 0, edition_id, 0, '', '' {_COPIES}",
    f"{_EVENT} SELECT id, 'delivered', news_at, 0, edition_id, 0, '', '' {_COPIES}",
    f"{_EVENT} SELECT -1 - (id * 7919 % 1000003 * 1000000000000 + id), 'opened', news_at + 60, 0,"
    f" edition_id, 1, '', '' {_COPIES} AND id % 2 = 0",
)
