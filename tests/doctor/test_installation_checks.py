"""Installation checks: what `digest doctor` finds, and the next step it names."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import URL, update

from digest.app.installation import App, open_app
from digest.db import Database
from digest.delivery import known_secrets
from digest.delivery.events.dead_letters import ACCOUNT, add_dead_letters
from digest.doctor import database_checks
from digest.doctor.database_checks import (
    NETWORK_FILE_SYSTEMS,
    check_connections,
    file_system,
)
from digest.doctor.health_check import HealthLevel
from digest.doctor.installation_checks import run_checks, sender_domains
from digest.issues import newsletters, store
from digest.issues.models import JobRun, Newsletter
from digest.migrations.upgrade import upgrade
from digest.settings import load
from subscribers import letter_queue
from subscribers import store as subscribers
from subscribers.address.syntax import parse
from subscribers.models import LetterKind, LetterToSend
from tests.another_user import NOBODY, somebody_else

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778"
#: A public key as the provider shows it.
KEY = b64encode(
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
FIT = {
    "secret": SECRET,
    "transport": "sendgrid",
    "sendgrid_api_key": "SG.a-key.that-is-one",
    "webhook_keys": KEY,
    "base_url": "https://news.mill-lane.eu",
    "DIGEST_FROM": "Weekly <news@mill-lane.eu>",
    "postal_address": "1 Mill Lane, Anytown",
    "editors": "ed@mill-lane.eu",
}


Install = Callable[..., App]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Return a function that sets an installation up; fit but for the settings given."""

    def make(*, now: datetime = NOW, tables: bool = True, **settings: Any) -> App:
        url = f"sqlite:///{tmp_path / 'digest.db'}"
        app = open_app(load({}, **{"database_url": url, **FIT, **settings}), clock=lambda: now)
        if tables:
            with app.database.write() as session:
                upgrade(session.connection())
                session.add(Newsletter(slug="weekly", name="Weekly"))
        return app

    return make


def refused(app: App) -> dict[str, str]:
    facts = {
        fact.about: fact.says for fact in run_checks(app) if fact.weight is HealthLevel.REFUSED
    }
    app.database.close()
    return facts


def warned(app: App, weight: HealthLevel = HealthLevel.WARNING) -> dict[str, str]:
    facts = {fact.about: fact.says for fact in run_checks(app) if fact.weight is weight}
    app.database.close()
    return facts


def test_an_installation_that_is_set_up_is_fit(install: Install) -> None:
    app = install()
    assert refused(app) == {}


@pytest.mark.parametrize("unwritable", [".", "digest.db", "digest.db-wal", "digest.db-shm"])
def test_a_store_that_can_not_be_written_is_refused_with_what_to_do(unwritable: str) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        app = open_app(load({}, database_url=f"sqlite:///{folder / 'digest.db'}", **FIT))
        with app.database.write() as session:
            upgrade(session.connection())
        paths = [folder, *folder.iterdir()]
        assert {"digest.db-wal", "digest.db-shm"} <= {path.name for path in paths}
        for path in paths:
            path.chmod(0o777)
        (folder / unwritable).chmod(0o555)
        owner = (folder / unwritable).stat().st_uid
        with somebody_else():
            [fact] = [fact for fact in run_checks(app) if fact.about == "database"]
            user = os.geteuid()
        app.database.close()
        folder.chmod(0o777)

    at = (folder / unwritable).absolute()
    assert fact.weight is HealthLevel.REFUSED
    assert fact.says == f"{at} can't be written by the current user ({user})"
    step = f"as root: chown {user} {at}" if user != owner else f" {at}"  # not run by root
    assert fact.next_step.endswith(step)


@pytest.mark.parametrize(("unwritable", "step"), [(".", "chmod u+wx"), ("digest.db", "chmod u+w")])
def test_what_the_user_owns_and_can_not_write_is_theirs_to_open(unwritable: str, step: str) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        app = open_app(load({}, database_url=f"sqlite:///{folder / 'digest.db'}", **FIT))
        (folder / "digest.db").touch(mode=0o666)
        folder.chmod(0o777)
        at = (folder / unwritable).absolute()
        os.chown(at, os.geteuid() or NOBODY, -1)
        at.chmod(0o555)
        with somebody_else():
            [fact] = [fact for fact in run_checks(app) if fact.about == "database"]
        app.database.close()
        folder.chmod(0o777)

    assert fact.next_step == f"{step} {at}"


def test_a_secret_that_is_gone_is_reported_once_and_with_the_command_to_go_on(
    install: Install,
) -> None:
    app = install()
    known_secrets.require_all(app.database, ["b" * 12], NOW)
    [fact] = [fact for fact in run_checks(app) if fact.about == "secret"]
    app.database.close()

    assert fact.weight is HealthLevel.REFUSED
    assert "used since 2026-11-24 can't be found" in fact.says
    assert "digest resume --lost-secret --by NAME --why TEXT" in fact.next_step


def test_a_secret_that_signs_links_is_reported_once(install: Install) -> None:
    app = install()
    says = [fact.says for fact in run_checks(app) if fact.about == "secret"]
    app.database.close()
    assert says == ["it signs the links in mails"]


def test_a_server_that_takes_no_writes_is_refused(postgres_store: Database) -> None:
    url = postgres_store.url.update_query_dict({"options": "-c default_transaction_read_only=on"})
    app = open_app(load({}, database_url=url.render_as_string(hide_password=False), **FIT))
    says = [fact.says for fact in run_checks(app) if fact.weight is HealthLevel.REFUSED]
    app.database.close()

    assert "it's read-only: the server is a standby, or this user can only read" in says


def test_a_store_that_does_not_answer_is_refused_with_what_to_do() -> None:
    app = open_app(load({}, database_url="postgresql+psycopg://127.0.0.1:1/digest", **FIT))
    [fact] = [fact for fact in run_checks(app) if fact.about == "database"]
    app.database.close()

    assert fact.weight is HealthLevel.REFUSED
    assert fact.next_step


def test_every_refusal_says_what_to_do(install: Install) -> None:
    app = install(
        secret="short", base_url="http://news.mill-lane.eu", webhook_keys="", postal_address=""
    )
    facts = [fact for fact in run_checks(app) if fact.weight is HealthLevel.REFUSED]
    app.database.close()
    assert len(facts) == 4
    assert all(fact.next_step for fact in facts)


@pytest.mark.parametrize(
    ("about", "settings", "says"),
    [
        ("secret", {"secret": "x" * 40}, "placeholder"),
        ("secret", {"secret": "change-me-" * 4}, "placeholder"),
        ("secret", {"secret": None}, "missing"),
        ("base URL", {"base_url": "http://news.mill-lane.eu"}, "isn't HTTPS"),
        ("base URL", {"base_url": "http://localhost:8000"}, "only this machine"),
        ("webhook", {"webhook_keys": ""}, "missing"),
        ("provider", {"sendgrid_api_key": None}, "missing"),
        ("provider", {"webhook_keys": "not a key"}, "not a public key"),
        ("sender", {"DIGEST_FROM": "Us <us@example.com>"}, "reserved for examples"),
        ("sender", {"postal_address": ""}, "postal address"),
    ],
)
def test_what_is_missing_or_unsafe_is_refused_by_name(
    install: Install, about: str, settings: dict[str, Any], says: str
) -> None:
    assert says in refused(install(**settings))[about]


@pytest.mark.parametrize(
    ("setting", "content", "says", "step"),
    [
        ("scanner_networks", None, ": {path}: No such file or directory", "let Digest read"),
        ("scanner_networks", b"192.0.2.0/24\nLondon", ", line 2: London is no net", "192.0.2.0/24"),
        ("scanner_networks", b"# Z\xfcrich", ", line 1: {path} isn't text in UTF-8", "UTF-8"),
        ("disposable_domains", None, ": {path}: No such file or directory", "let Digest read"),
        ("disposable_domains", b"a.example\n\xff", ", line 2: {path} isn't text", "UTF-8"),
    ],
)
def test_a_list_that_can_not_be_used_is_refused_with_its_line_and_what_to_do(
    install: Install, tmp_path: Path, setting: str, content: bytes | None, says: str, step: str
) -> None:
    path = tmp_path / "list"
    if content is not None:
        path.write_bytes(content)
    app = install(**{setting: path})
    [fact] = [fact for fact in run_checks(app) if fact.weight is HealthLevel.REFUSED]
    app.database.close()

    assert fact.about == setting.replace("_", " ")
    assert fact.says.startswith(f"DIGEST_{setting.upper()}{says.format(path=path)}")
    assert step in fact.next_step


@pytest.mark.parametrize("content", [None, b"192.0.2.0/24  # London\n"])
def test_of_lists_that_are_fine_or_not_set_nothing_is_said(
    install: Install, tmp_path: Path, content: bytes | None
) -> None:
    path = None if content is None else tmp_path / "list"
    if path is not None:
        path.write_bytes(content or b"")
    app = install(scanner_networks=path, disposable_domains=path)
    about = {fact.about for fact in run_checks(app)}
    app.database.close()

    assert not about & {"scanner networks", "disposable domains"}


@pytest.mark.parametrize(
    ("word", "pointed_out"), [("compliance_suspend", True), ("reactivate", False)]
)
def test_an_account_the_provider_has_stopped_is_pointed_out(
    install: Install, word: str, pointed_out: bool
) -> None:
    app = install()
    with app.database.write() as session:
        add_dead_letters(session, [(ACCOUNT, word)], NOW)
    assert ("account" in warned(app)) is pointed_out


@pytest.mark.parametrize(("state", "pointed_out"), [("in-doubt", True), ("sent", False)])
def test_letters_in_doubt_are_pointed_out(install: Install, state: str, pointed_out: bool) -> None:
    app = install()
    with app.database.write() as session:
        number = subscribers.add(session, parse("ann@example.com"), NOW)
        letter_queue.enqueue(session, number, "weekly", LetterKind.CONFIRM, NOW)
        session.execute(update(LetterToSend).values(state=state))
    assert ("letters" in warned(app)) is pointed_out


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"DIGEST_FROM": "Us <us@example.com>"}, "reserved for examples"),
        ({"postal_address": ""}, "no postal address"),
    ],
)
def test_with_the_outbox_a_sender_who_is_not_real_is_pointed_out(
    install: Install, settings: dict[str, Any], says: str
) -> None:
    app = install(transport="outbox", **settings)
    facts = [fact for fact in run_checks(app) if fact.about == "sender" and says in fact.says]
    app.database.close()
    assert [fact.weight for fact in facts] == [HealthLevel.WARNING]
    assert "digest setup" in facts[0].next_step


def test_with_the_outbox_it_is_said_that_nothing_reaches_anybody(install: Install) -> None:
    assert "reaches nobody" in warned(install(transport="outbox"))["provider"]


def test_trying_it_out_on_this_machine_needs_neither_https_nor_a_webhook(install: Install) -> None:
    app = install(
        transport="outbox",
        base_url="http://127.0.0.1:8000",
        webhook_keys="",
        sendgrid_api_key=None,
        DIGEST_FROM="Us <us@example.com>",
        postal_address="",
    )
    assert refused(app) == {}


def test_a_database_that_is_not_there_is_refused_and_not_made(install: Install) -> None:
    app = install(tables=False)
    assert "there is none at" in refused(app)["database"]
    assert not Path(str(app.database.url.database)).exists()


def database_fact(url: str) -> tuple[str, str]:
    """Return the doctor's finding about a database, and the next step."""
    app = open_app(load({}, **{**FIT, "database_url": url}), clock=lambda: NOW)
    [fact] = [fact for fact in run_checks(app) if fact.about == "database"]
    app.database.close()
    return fact.says, fact.next_step


def test_a_file_that_can_not_be_opened_is_reported_in_words_with_a_next_step(
    tmp_path: Path,
) -> None:
    says, step = database_fact(
        f"sqlite:///{tmp_path}"
    )  # a folder: even root can't open it as a file
    assert "unable to open database file" in says
    assert "can write to the file" in step


@pytest.mark.parametrize(
    ("change", "words", "way_out"),
    [
        ({"query": {"host": "127.0.0.1", "port": "1"}}, "Connection refused", "start PostgreSQL"),
        ({"username": "nobody-here"}, 'role "nobody-here" does not exist', "createuser"),
        ({"database": "nowhere"}, 'database "nowhere" does not exist', "createdb"),
    ],
)
def test_a_postgres_that_can_not_be_reached_is_reported_in_words_with_a_next_step(
    postgres: URL, change: dict[str, Any], words: str, way_out: str
) -> None:
    says, step = database_fact(postgres.set(**change).render_as_string(hide_password=False))
    assert words in says
    assert way_out in step


def test_a_database_without_tables_is_refused_and_nothing_else_is_asked_of_it(
    install: Install, tmp_path: Path
) -> None:
    (tmp_path / "digest.db").touch()
    assert refused(install(tables=False)) == {"database": "it has no tables yet"}


def test_a_database_of_another_revision_is_refused(install: Install) -> None:
    app = install()
    with app.database.write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    assert "this version of Digest needs" in refused(app)["database"]


def test_a_database_whose_tables_are_not_its_revisions_is_refused_by_name(install: Install) -> None:
    app = install()
    with app.database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE suppression DROP COLUMN erased_at")
    facts = [fact for fact in run_checks(app) if fact.weight is HealthLevel.REFUSED]
    app.database.close()
    assert [fact.about for fact in facts] == ["database"]
    assert "no column suppression.erased_at" in facts[0].says
    assert "digest init" not in facts[0].next_step


def test_a_column_somebody_added_is_reported_and_stops_nothing(install: Install) -> None:
    app = install()
    with app.database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE suppression ADD COLUMN x TEXT")
    assert "one more column suppression.x" in warned(app)["database"]


def test_a_clock_from_before_the_release_is_refused(install: Install) -> None:
    assert "before this version" in refused(install(now=datetime(1970, 1, 1, tzinfo=UTC)))["clock"]


def test_a_clock_behind_what_the_database_has_seen_is_reported(install: Install) -> None:
    app = install()
    with app.database.write() as session:
        seen = NOW + timedelta(days=8)
        session.add(JobRun(name="send", every=60, started_at=seen, next_at=seen))
    assert "has seen 2026-12-02" in warned(app)["clock"]


def test_an_issue_that_waits_for_nobody_is_told(install: Install) -> None:
    assert "nobody is told" in warned(install(editors=""))["weekly"]


def test_a_folder_for_copies_that_takes_none_is_reported(install: Install, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    assert "isn't writable" in warned(install(backups=tmp_path / "taken" / "in"))["backup"]


def test_a_restored_database_is_a_fault_and_does_not_stop_the_site(install: Install) -> None:
    app = install()
    Path(f"{app.database.url.database}.epoch").write_text(
        "digest-epoch 0123456789abcdef0123456789abcdef 000000000000009\n", encoding="ascii"
    )
    with app.database.write() as session:
        session.connection().exec_driver_sql(
            "INSERT INTO installation VALUES (1,'k',NULL,'','',NULL)"
        )
    assert "nothing is sent" in warned(app, HealthLevel.FAULT)["restore"]


MOUNTS = """\
25 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 25 0:40 / /srv rw shared:5 - xfs /dev/sdb rw
31 30 0:41 / /srv/shared\\040disk rw shared:6 - nfs4 files:/export rw
32 25 0:42 / /mnt rw - tmpfs tmpfs rw
33 25 0:43 / /mnt rw - cifs //files/x rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/digest.db", "ext4"),
        ("/srv/digest.db", "xfs"),
        ("/srv/shared disk/a/digest.db", "nfs4"),
        ("/srv/shared/digest.db", "xfs"),
        ("/mnt/digest.db", "cifs"),
    ],
)
def test_the_file_system_is_the_one_mounted_last_and_deepest(path: str, kind: str) -> None:
    assert file_system(Path(path), MOUNTS) == kind


@pytest.mark.parametrize(
    ("kind", "weight"),
    [
        *[(kind, HealthLevel.REFUSED) for kind in ("nfs4", "fuse.juicefs", "fuse.gcsfuse")],
        *[(kind, HealthLevel.REFUSED) for kind in ("fuse.goofys", "fuse.sshfs")],
        *[(kind, HealthLevel.WARNING) for kind in ("tmpfs", "overlay", "fuse.fuse-overlayfs")],
        *[(kind, HealthLevel.WARNING) for kind in ("virtiofs", "fuse", "fuse.somebodys")],
        *[(kind, HealthLevel.FINE) for kind in ("ext4", "xfs", "btrfs", "zfs", "fuseblk")],
    ],
)
def test_a_disk_is_fine_only_where_a_database_lasts_and_locks_hold(
    kind: str, weight: HealthLevel
) -> None:
    assert [fact.weight for fact in database_checks.check_file_system(kind)] == [weight]


def test_damage_is_refused_by_name(install: Install, tmp_path: Path) -> None:
    app = install()
    app.database.close()
    with (tmp_path / "digest.db").open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\xff" * 4096)
    assert "database" in refused(app)


def test_a_large_database_is_not_read_through_at_every_start(
    install: Install, tmp_path: Path
) -> None:
    app = install()
    [fact] = database_checks.check_damage(
        app, tmp_path / "digest.db", 300_000_000, most=200_000_000
    )
    app.database.close()
    assert fact.weight is HealthLevel.FINE
    assert "PRAGMA quick_check" in fact.says


def test_network_file_systems_are_known_as_such() -> None:
    assert {"nfs4", "cifs"} <= NETWORK_FILE_SYSTEMS
    assert not {"ext4", "xfs", "btrfs", "overlay", "tmpfs"} & NETWORK_FILE_SYSTEMS


def test_A12_a_postgres_that_does_not_wait_for_its_disk_is_refused(
    postgres_database: Database,
) -> None:
    url = postgres_database.url.render_as_string(hide_password=False)
    app = open_app(load({}, database_url=url, **FIT))
    # The tests' own server is set up for speed, which is just what must be refused.
    assert "synchronous_commit is off" in str(refused(app))


def test_a_server_without_room_for_one_more_process_is_reported() -> None:
    assert list(check_connections(87, 97)) == []
    [fact] = check_connections(88, 97)
    assert fact.says == (
        "88 of the database server's 97 are in use, and one more process may open 10"
    )


def test_a_server_with_room_says_nothing_of_connections(postgres_database: Database) -> None:
    url = postgres_database.url.render_as_string(hide_password=False)
    assert "connections" not in warned(open_app(load({}, database_url=url, **FIT)))


def test_each_sender_in_use_is_checked(install: Install) -> None:
    app = install()
    with app.database.write() as session:
        for slug, domain in (("tools", "tools.example"), ("old", "gone.example")):
            given = {"name": slug, "sender": f"News <news@{domain}>"}
            newsletters.create(session, slug, given)
        newsletters.archive(session, store.newsletter(session, "old"), NOW)
    assert sender_domains(app) == ["mill-lane.eu", "tools.example"]
    assert refused(app) == {"tools": "tools.example is reserved for examples"}
