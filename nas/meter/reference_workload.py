"""The reference workload: a fixed amount of work, timed in every round, that tells how fast the
machine is now.

A machine's speed changes for minutes on end, too: a virtual one's cores are moved apart, others
fill the cache (docs/measuring.md). Within one measurement nothing shows that, so the quickest that
the reference ever was on this machine is kept in a file of the user's.

Standard library only: the kit for other devices carries this file.
"""

import contextlib
import json
import math
import os
import platform
from pathlib import Path

from nas.meter.atomic import write_atomically
from nas.meter.machine import cpu_name, governor
from nas.meter.rounds import Runnable


def speed_file() -> Path:
    """Where the user's programs keep what they can do without: XDG base directories."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "mutualnas" / "speed.json"


class ReferenceWorkload:
    """A network that stands for the machine's speed.

    Args:
        network: the fixed work; on as many threads and in the same runtime as what is measured, so
            that what slows that down slows this down.
        target: names the runtime, its settings and the device. With the names of the machine and
            its CPU, and the governor, it tells apart what must not be compared.
        file: where the quickest time is kept; None: nowhere but in this object.
    """

    def __init__(self, network: Runnable, target: str, file: Path | None = None) -> None:
        self._network, self._file = network, file
        self._key = f"{platform.node()}, {cpu_name()}, governor {governor()}, {target}"
        self.quickest_s = self._known().get(self._key, math.inf)
        """Seconds of one run when the machine was at its best; infinite where none is known."""

    def run(self) -> None:
        """Returns when the work is done."""
        self._network.run()

    def record_best(self, seconds: float) -> None:
        """Keep `seconds`, a median of many runs, if the reference was never that quick before."""
        if seconds >= self.quickest_s:
            return
        self.quickest_s = seconds
        if self._file is not None:
            # A full or read-only disk costs what is known of other times, not the measurement.
            with contextlib.suppress(OSError):
                self._file.parent.mkdir(parents=True, exist_ok=True)
                known = self._known() | {self._key: seconds}
                write_atomically(self._file, json.dumps(known, indent=2) + "\n")

    @property
    def reset_advice(self) -> str:
        """End of a sentence: what a user whose machine has become slower for good can do."""
        return f", or delete {self._file} if it stays like that" if self._file else ""

    def _known(self) -> dict[str, float]:
        try:
            return {**json.loads(self._file.read_text())} if self._file else {}
        except (OSError, ValueError, TypeError):  # none yet, or spoilt: then it starts anew
            return {}
