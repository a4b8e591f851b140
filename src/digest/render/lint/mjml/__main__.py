"""The command ``python -m digest.render.lint.mjml FILE...``, which checks files of plain MJML."""

from __future__ import annotations

import sys
from pathlib import Path

from digest.render.lint.finding import Severity
from digest.render.lint.mjml.check import check_mjml


def main(paths: list[str]) -> int:
    """Print the findings of each file; return 1 when one of them is an error, else 0."""
    failed = False
    for path in paths:
        findings = check_mjml(Path(path).read_text(encoding="utf-8"), file=path)
        sys.stdout.writelines(f"{finding}\n" for finding in findings)
        failed |= any(finding.severity is Severity.ERROR for finding in findings)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
