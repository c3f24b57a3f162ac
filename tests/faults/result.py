"""What a campaign found, as figures and as findings to run again."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
import json
import sys
from typing import Self

DONE = ("kill_points", "radio_faults", "lossy_commands", "disk_faults", "clock_faults")
"""What was done: more is better."""
WRONG = ("orphan_codes", "lost_entries", "failed_verifications", "wrong_outcomes")
"""What must not be: none."""


@dataclass
class Result:
    """Counts by name, and a line for everything that is wrong."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(DONE, 0))
    findings: list[tuple[str, str]] = field(default_factory=list)
    """Which of WRONG, and what it was."""

    def done(self, name: str, number: int = 1) -> None:
        """Count what was done."""
        self.counts[name] += number

    def wrong(self, where: str, found: Iterable[tuple[str, str]]) -> None:
        """Keep what is wrong, with the point that shows it."""
        for name, what in found:
            assert name in WRONG, name
            self.findings.append((name, f"{where}: {what}"))

    def values(self) -> dict[str, int]:
        """Return all figures."""
        names = [name for name, _ in self.findings]
        return {**self.counts, **{name: names.count(name) for name in WRONG}}

    def add(self, other: Self) -> None:
        """Take over what another part of the campaign found."""
        for name, number in other.counts.items():
            self.counts[name] += number
        self.findings += other.findings

    def tell(self) -> None:
        """Write it for the process that started this one."""
        sys.stdout.write(json.dumps(asdict(self)) + "\n")
        sys.stdout.flush()

    @classmethod
    def heard(cls, line: str) -> Self:
        """Read what `tell` wrote."""
        data = json.loads(line)
        return cls(data["counts"], [(name, what) for name, what in data["findings"]])
