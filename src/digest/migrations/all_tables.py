"""The metadata of every table, filled by importing the models of each package."""

from sqlmodel import SQLModel

from digest.access import models as access
from digest.comparisons import models as comparisons
from digest.delivery import models as delivery
from digest.images import models as images
from digest.issues import models
from digest.issues import models as issues
from digest.migrations import job_queue_schema
from digest.sources import models as sources
from digest.votes import models as votes
from subscribers import models as subscribers
from subscribers.announcements import models as announcements

MODELS = (
    *(comparisons, images, issues, models, delivery),
    *(sources, access, votes, subscribers, announcements),
)
METADATA = SQLModel.metadata


def is_in_models(name: str | None, _kind: str, _of: object) -> bool:
    """Return whether Alembic compares a table or an index of this name with the models.

    The full-text index is none of theirs: SQLite keeps it in several tables, PostgreSQL in one
    index. Nor are the job queue's tables.
    """
    return not (name or "").startswith(("directory_words", *job_queue_schema.NAMES))
