"""Fleet: workers on devices of one kind, which are never quite equally fast.

The reference network (`nas.meter.reference_workload`) is timed beside each candidate. By it, the
latencies of every other device are corrected to those of the first in the study, so that a search
does not prefer what a quicker device has timed. The front is timed again on one device.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from optuna.trial import FrozenTrial

from nas.evaluate.evaluation import Device

DEVICE = "device"
"""User attribute of an evaluated trial: the device that timed it, and the correction."""


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """A device, and by what the latencies that it measured are multiplied."""

    device: Device
    correction: float

    def to_json(self) -> dict[str, Any]:
        """JSON values, for a trial."""
        return asdict(self.device) | {"correction": self.correction}


def correct(trials: Iterable[FrozenTrial], device: Device) -> Corrected:
    """The correction of a device by its median time of the reference network.

    `trials` are all that are evaluated, by number: the first of them says which device is the
    first. That one's correction is 1, like that of any device before another one has been heard.
    """
    times = defaultdict[str, list[float]](list)
    for trial in trials:
        if found := trial.user_attrs.get(DEVICE):
            times[found["host"]].append(found["reference_ms"])
    times[device.host].append(device.reference_ms)
    first = next(iter(times))
    if first == device.host:
        return Corrected(device=device, correction=1.0)
    return Corrected(device=device, correction=median(times[first]) / median(times[device.host]))


def devices(trials: Iterable[FrozenTrial]) -> list[dict[str, Any]]:
    """For provenance: each device, how many candidates it timed, and its median correction."""
    corrections = defaultdict[str, list[float]](list)
    for trial in trials:
        if found := trial.user_attrs.get(DEVICE):
            corrections[found["host"]].append(found["correction"])
    return [
        {"host": host, "num_candidates": len(each), "correction": round(median(each), 4)}
        for host, each in corrections.items()
    ]
