"""Brings lists from elsewhere in, without bringing back anybody who left."""

from subscribers.importer.progress import Report
from subscribers.importer.refusal import NOT_SAID, NOT_UNDERSTOOD, Refusal
from subscribers.importer.run import Wish, filed_up_to, header_of, import_list

__all__ = [
    "NOT_SAID",
    "NOT_UNDERSTOOD",
    "Refusal",
    "Report",
    "Wish",
    "filed_up_to",
    "header_of",
    "import_list",
]
