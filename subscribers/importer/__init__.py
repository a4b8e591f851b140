"""Brings lists from elsewhere in, without bringing back anybody who left."""

from subscribers.importer.layout import Refusal
from subscribers.importer.progress import Report
from subscribers.importer.run import Wish, import_list

__all__ = ["Refusal", "Report", "Wish", "import_list"]
