"""A benchmark that measures nothing: it tells the figures that it's given, or ends with 3."""

from __future__ import annotations

import argparse
import sys

from benchmarks.measurements import Measurement, reporting

parser = argparse.ArgumentParser()
parser.add_argument("--json", action="store_true")
parser.add_argument("value", type=float)
given = parser.parse_args()
with reporting(as_json=given.json) as found:
    sys.stdout.write("Measuring\n")
    if given.value < 0:
        sys.exit(3)
    found.append(Measurement(name="Work", value=given.value, unit="ms", floor=4.0, target=10.0))
