"""Brings lists from elsewhere in, without bringing back anybody who left."""

from subscribers.importer.job import (
    ImportOptions,
    ImportReport,
    filed_up_to,
    header_of,
    import_list,
)
from subscribers.importer.refusal import NOT_SAID, NOT_UNDERSTOOD, Refusal

__all__ = [
    "NOT_SAID",
    "NOT_UNDERSTOOD",
    "ImportOptions",
    "ImportReport",
    "Refusal",
    "filed_up_to",
    "header_of",
    "import_list",
]
