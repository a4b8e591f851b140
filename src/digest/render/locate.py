"""Where templates are: an installation's own folder first, then the ones that ship."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from digest.errors import TemplateBroken

Kind = Literal["email", "web", "desk", "report"]


def folders(kind: Kind, own: Path | None = None) -> tuple[Path, ...]:
    """Return the folders to look in, in order; a name found in *own* hides the shipped one.

    Raises `TemplateBroken` when *own* is no folder.
    """
    if own is None:
        return (shipped(kind),)
    if not own.is_dir():
        raise TemplateBroken(f"{own}: there is no such folder of templates")
    return (own, shipped(kind))


def shipped(kind: Kind) -> Path:
    """Return the folder that ships: inside the package in a wheel, beside src/ in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for root in (package / "templates", package.parents[1] / "templates"):
        if (root / kind).is_dir():
            return root / kind
    raise TemplateBroken(f"the {kind} templates are missing: install digest-engine again")
