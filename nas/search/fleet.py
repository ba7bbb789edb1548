"""Fleet: workers on devices of one kind, which are never quite equally fast.

The reference network (`nas.meter.reference_workload`) is timed beside each candidate. By it, the
latencies of every other device are corrected to those of the first in the study, so that a search
does not prefer what a quicker device has timed. The front is timed again on one device.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
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
    first: str
    """Host of the device to which it is corrected."""
    correction: float

    def to_json(self) -> dict[str, Any]:
        """JSON values, for a trial."""
        return asdict(self.device) | {"first": self.first, "correction": self.correction}


def correct(trials: Iterable[FrozenTrial], device: Device) -> Corrected:
    """The correction of a device by its median time of the reference network.

    `trials` are all that are evaluated. The device that told the first of them stays the first,
    also when another one ends a trial of a lower number later. Its correction is 1.
    """
    known = [*_attributes(trials)]
    first = known[0]["first"] if known else device.host
    if first == device.host:
        return Corrected(device=device, first=first, correction=1.0)
    times = [each["reference_ms"] for each in known if each["host"] == first]
    own = [each["reference_ms"] for each in known if each["host"] == device.host]
    correction = median(times) / median([*own, device.reference_ms])
    return Corrected(device=device, first=first, correction=correction)


def devices(trials: Iterable[FrozenTrial]) -> list[dict[str, Any]]:
    """For provenance: each device, how many candidates it timed, and its median correction."""
    corrections = defaultdict[str, list[float]](list)
    for each in _attributes(trials):
        corrections[each["host"]].append(each["correction"])
    return [
        {"host": host, "num_candidates": len(each), "correction": round(median(each), 4)}
        for host, each in corrections.items()
    ]


def _attributes(trials: Iterable[FrozenTrial]) -> Iterator[dict[str, Any]]:
    return (trial.user_attrs[DEVICE] for trial in trials if DEVICE in trial.user_attrs)
