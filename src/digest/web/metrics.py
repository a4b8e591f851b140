"""Numbers in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric; *samples* maps label values, in the order of *labels*, to a number."""

    name: str
    help: str
    kind: str = "gauge"  #: or counter
    labels: tuple[str, ...] = ()
    samples: Mapping[tuple[str, ...], float] = field(default_factory=dict)


def single(name: str, help_: str, value: float, *, kind: str = "gauge") -> Metric:
    """Return a metric that is one number."""
    return Metric(name=name, help=help_, kind=kind, samples={(): value})


def exposition(metrics: Iterable[Metric]) -> str:
    """Write metrics as Prometheus reads them."""
    return "".join(line + "\n" for metric in metrics for line in _lines(metric))


def _lines(metric: Metric) -> Iterable[str]:
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} {metric.kind}"
    for values, number in sorted(metric.samples.items()):
        pairs = ",".join(
            f'{label}="{_escaped(value)}"'
            for label, value in zip(metric.labels, values, strict=True)
        )
        yield f"{metric.name}{{{pairs}}} {number:.15g}" if pairs else f"{metric.name} {number:.15g}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
