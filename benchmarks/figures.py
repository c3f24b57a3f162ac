"""Figures: from samples to a table and a file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import json
from pathlib import Path
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. `bar` is what it must not exceed, where there is one."""

    name: str
    value: float
    unit: str = "ms"
    better: str = "lower"
    bar: float | None = None

    @property
    def met(self) -> bool:
        """Tell whether it is within its bar."""
        return self.bar is None or self.value <= self.bar


def p50(samples: Sequence[float]) -> float:
    """Return the median."""
    return median(samples)


def p99(samples: Sequence[float]) -> float:
    """Return what 99 in 100 stay below."""
    return quantiles(samples, n=100, method="inclusive")[98]


def table(figures: Sequence[Figure]) -> str:
    """Write figures for people."""
    width = max(len(figure.name) for figure in figures)
    lines = []
    for figure in figures:
        line = f"{figure.name:<{width}}  {figure.value:9.2f} {figure.unit}"
        if figure.bar is not None:
            word = "met" if figure.met else "MISSED"
            line += f"   bar {figure.bar:g}: {word}"
        lines.append(line)
    return "\n".join(lines)


def write(path: Path, workload: str, figures: Sequence[Figure]) -> None:
    """Write figures for programs."""
    keys = ("name", "value", "unit", "better")
    rows = [{key: asdict(figure)[key] for key in keys} for figure in figures]
    path.write_text(
        json.dumps({"workload": workload, "figures": rows}, indent=2) + "\n"
    )
