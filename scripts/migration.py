"""Writes a new revision from the difference between the models and the newest revision."""

import sys

from alembic import command
from sqlalchemy import create_engine

from digest.migrations.upgrade import config, upgrade


def main(message: str) -> None:
    """Upgrade an empty database, compare, write what is missing."""
    with create_engine("sqlite://").connect() as connection:
        upgrade(connection)
        command.revision(config(connection), message, autogenerate=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] else "Change the schema")
