"""`digest worker`: what it refuses, and what it says at its start."""

from __future__ import annotations

import pytest

from digest.cli.service.worker import parse_queues, start_facts, start_lines
from digest.delivery.job_queue import QueueName
from digest.errors import BadSetting, DatabaseUnfit
from tests.cli.conftest import Commands


def test_on_sqlite_it_says_what_to_use_instead(commands: Commands) -> None:
    fault = commands.run("worker").exception
    assert str(fault) == "a worker needs PostgreSQL, and this database is SQLite"
    assert isinstance(fault, DatabaseUnfit)
    assert str(fault.next_step).startswith("digest run does all the work here")


def test_a_queue_that_isn_t_there_is_refused_with_those_that_are(commands: Commands) -> None:
    fault = commands.run("worker", "--queues", "send,letter").exception
    assert str(fault) == "--queues: there is no queue letter"
    assert isinstance(fault, BadSetting)
    assert fault.next_step == "name some of these: send,letters,events,schedule"


def test_no_queue_at_all_is_refused() -> None:
    with pytest.raises(BadSetting, match="no queue is named"):
        parse_queues(" , ")


def test_queues_are_separated_by_commas_and_count_once() -> None:
    assert parse_queues("letters, send,letters") == (QueueName.LETTERS, QueueName.SEND)


def test_it_says_what_it_works_on_and_where_mail_goes(commands: Commands) -> None:
    app = commands.app()
    facts = start_facts(app, (QueueName.SEND, QueueName.EVENTS), 4) | {"doctor": []}
    app.database.close()
    first, second = start_lines(facts)
    assert first == "This worker is on send, events, 4 jobs at once  (stop with Ctrl-C)"
    assert second.endswith("/outbox, and reaches nobody. To send mail: digest setup")
