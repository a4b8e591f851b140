"""Imports lists of subscribers from CSV files without bringing back anybody who left.

`job` runs an import in two passes. `csv_reader` yields a file's lines, and `formats` recognises
from the first one which column holds the address and which ones tell who left, with the columns
that `columns` knows everywhere and `service_exports` knows of one service. The first pass gives
every line to `leavers`, which collects the addresses the list says left and stops at a word of
`leaving_words` in a column that can't be read. The second pass parses the addresses and gives them,
chunk by chunk, to `bulk_loader`, which files them in SQL; `import_run` stores the progress in the
same transaction. `refusal` names each reason for which a line isn't imported. `suppression_list`
reads lists of addresses that must not be mailed.
"""

from subscribers.importer.import_run import ImportReport
from subscribers.importer.job import (
    MIN_CONSENT,
    ImportOptions,
    add_reader,
    filed_up_to,
    header_of,
    import_list,
)
from subscribers.importer.refusal import NOT_SAID, NOT_UNDERSTOOD, Refusal
from subscribers.importer.suppression_list import (
    REASONS,
    SuppressionReport,
    import_suppressions,
)

__all__ = [
    "MIN_CONSENT",
    "NOT_SAID",
    "NOT_UNDERSTOOD",
    "REASONS",
    "ImportOptions",
    "ImportReport",
    "Refusal",
    "SuppressionReport",
    "add_reader",
    "filed_up_to",
    "header_of",
    "import_list",
    "import_suppressions",
]
