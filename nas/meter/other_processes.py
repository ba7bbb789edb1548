"""How busy other processes keep this machine, by the system's own account.

A machine that is slower than it was either does something else, which its user can stop, or has
been slowed from outside (a shared host, heat), which nobody here can. The two look alike to a
clock. Standard library only, because the kit packs this file.
"""

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")
BUSY = ("user", "nice", "system", "irq", "softirq")
COLUMNS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq")
"""The first columns of the first line: what all cores together spent, in ticks (proc(5))."""


class OtherProcesses:
    """What processes other than this one and its children compute from now on."""

    def __init__(self) -> None:
        self._since, self._before = time.perf_counter(), _used_elsewhere_s()

    def busy_cores(self) -> float | None:
        """Cores that they kept busy on average, 0 or more; None where the system doesn't tell.

        Time that a hypervisor gave to other machines is not counted.
        """
        now_s, elapsed = _used_elsewhere_s(), time.perf_counter() - self._since
        if now_s is None or self._before is None:
            return None
        return max(0.0, now_s - self._before) / elapsed


def _used_elsewhere_s() -> float | None:
    """Seconds of all cores that other processes have used since the machine started."""
    try:
        fields = STAT.read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        ticks = dict(zip(COLUMNS, map(int, fields), strict=False))
        used_s = sum(ticks[name] for name in BUSY) / os.sysconf("SC_CLK_TCK")
    except (AttributeError, KeyError, OSError, ValueError):  # another system, or none that tells
        return None
    own = os.times()
    return used_s - own.user - own.system - own.children_user - own.children_system
