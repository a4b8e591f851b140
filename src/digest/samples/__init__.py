"""Sample data to try the engine with: made-up tools, and addresses that belong to nobody.

The folder `comparisons` holds pages and JSON files as `digest import` reads them;
`sample_addresses` makes as many addresses as a demo or a benchmark asks for.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def comparisons() -> list[Path]:
    """Return the sample comparisons by name: page texts and JSON files, a dozen or so."""
    return sorted(
        path
        for path in Path(str(files("digest.samples"))).joinpath("comparisons").iterdir()
        if path.suffix in {".txt", ".json"}
    )
