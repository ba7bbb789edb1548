"""The reference workload: a fixed computation, timed in every round, that measures the current
speed of the machine.

A machine can stay slow for minutes: a hypervisor moves virtual cores apart, or other processes fill
the cache (docs/measuring.md). A single measurement cannot detect this, so the best time of the
reference on this machine is kept in a file in the user's cache folder.

Standard library only, because the kit packs this file.
"""

import contextlib
import hashlib
import json
import math
import os
import platform
from pathlib import Path

from nas.meter.atomic import write_atomically
from nas.meter.cpu import cpu_details
from nas.meter.machine import cpu_name, governor
from nas.meter.rounds import Runnable


def _digest_of_cpu() -> str:
    """Tells processors of one name apart: two machines may share a host name and a home folder."""
    text = json.dumps(cpu_details(), sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]


def speed_file() -> Path:
    """The file with the best times, in the user's cache folder (XDG base directories)."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "mutualnas" / "speed.json"


class ReferenceWorkload:
    """A fixed network whose run time measures the machine's speed.

    Args:
        network: the network to time; it uses the runtime and number of threads of the candidates,
            so that both slow down alike.
        target: names the runtime, its settings and the device. Best times are kept separately for
            each combination of target, host name, CPU with its instruction sets and caches, and
            governor.
        file: keeps the best time across processes; None keeps it in this object alone.
    """

    def __init__(self, network: Runnable, target: str, file: Path | None = None) -> None:
        self._network, self._file = network, file
        self._key = (
            f"{platform.node()}, {cpu_name()} ({_digest_of_cpu()}), governor {governor()}, {target}"
        )
        self.quickest_s = self._best_times().get(self._key, math.inf)
        """Best recorded time of one run in seconds; infinite if there is none yet."""

    def run(self) -> None:
        """Run the network once; return when it has finished."""
        self._network.run()

    def record_best(self, seconds: float) -> None:
        """Record `seconds`, a median of many runs, if it is a new best time."""
        if seconds >= self.quickest_s:
            return
        self.quickest_s = seconds
        if self._file is not None:
            # A full or read-only disk must not fail the measurement.
            with contextlib.suppress(OSError):
                self._file.parent.mkdir(parents=True, exist_ok=True)
                best_times = self._best_times() | {self._key: seconds}
                write_atomically(self._file, json.dumps(best_times, indent=2) + "\n")

    @property
    def reset_advice(self) -> str:
        """End of an error message: what to do if the machine is permanently slower."""
        return f", or delete {self._file} if the machine stays slow" if self._file else ""

    def _best_times(self) -> dict[str, float]:
        try:
            return {**json.loads(self._file.read_text())} if self._file else {}
        except (OSError, ValueError, TypeError):  # missing or damaged: start with no best times
            return {}
