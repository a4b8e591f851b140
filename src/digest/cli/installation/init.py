"""The command `digest init`: create the database, the first newsletter and a secret.

Hides what is missing from an installation, and the permissions of its files.
"""

from __future__ import annotations

import secrets

import typer
from sqlmodel import Session, select

from digest import signing_keys
from digest.cli.context import CommandContext, JsonFlag, call_of
from digest.delivery import known_secrets
from digest.issues.models import Newsletter
from digest.migrations.revision import current
from digest.migrations.table_check import require_right
from digest.migrations.upgrade import upgrade
from digest.settings import ENV_FILE, load
from digest.setup import EnvFile

app = typer.Typer()
WEEKLY = Newsletter(
    slug="weekly",
    name="Weekly AI Tool Verdicts",
    description="Two AI tools, four reviewers, one verdict, every week.",
)


@app.command()
def init(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Create or upgrade the database with the newsletter "weekly"; safe to run again."""
    call = call_of(context)
    facts = prepare(call)
    if as_json:
        call.json(facts)
        return
    done = "is ready" if facts["upgraded"] else "was ready already"
    call.out.print(f"The database {done} (revision {facts['revision']}).")
    if facts["secret_written"]:
        call.out.print(
            ".env now has a secret that signs the links in mails. Keep it, and keep it safe."
        )
    call.out.print(f"Next: {_next_step(facts)}")


def _next_step(facts: dict[str, object]) -> str:
    if facts["newsletter_added"]:
        return "digest import PATH...; for your own newsletter: digest setup"
    return "digest doctor" if facts["upgraded"] else "digest status"


def prepare(call: CommandContext, newsletter: Newsletter | None = WEEKLY) -> dict[str, object]:
    """Create what is missing and return what was created; idempotent.

    *newsletter* is added where there is none yet.
    """
    call.may_create = True
    wrote_secret = _write_secret(call)
    _keep_private(call)
    with call.app.database.write() as session:
        upgraded = upgrade(session.connection())
        require_right(session.connection())
        revision = current(session.connection())
        added = _add_newsletter(session, newsletter)
    marks = signing_keys.marks(
        load(database_url=call.database_url)
    )  # among them the one just written
    known_secrets.require_all(call.app.database, marks, call.app.clock())
    return {
        "revision": revision,
        "upgraded": upgraded,
        "newsletter_added": added,
        "secret_written": wrote_secret,
    }


def _keep_private(call: CommandContext) -> None:
    """Make a new SQLite file readable by its owner only; its WAL files get the same mode."""
    path = call.app.database.path
    if path is not None and not path.exists() and path.parent.is_dir():
        path.touch(mode=0o600)


def _add_newsletter(session: Session, newsletter: Newsletter | None) -> bool:
    if newsletter is None or session.exec(select(Newsletter)).first() is not None:
        return False
    session.add(Newsletter(**newsletter.model_dump(exclude={"id"})))
    return True


def _write_secret(call: CommandContext) -> bool:
    """Append a new secret to .env unless it has one; keep its other lines."""
    if call.settings.secret is not None:
        return False
    EnvFile.read(ENV_FILE).with_values({"DIGEST_SECRET": secrets.token_hex(32)}).write(ENV_FILE)
    return True
