"""The conditions by name, the choice among them, and measuring the chosen ones.

Standard library only, because the kit packs this file.
"""

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

from nas.conditions.after_pause import after_pause
from nas.conditions.bench import Bench, Progress, UnderCondition
from nas.conditions.contended import contended
from nas.conditions.end_to_end import end_to_end
from nas.conditions.first_call import first_call
from nas.conditions.quota import cpu_quota, quota
from nas.conditions.repeated import repeated
from nas.conditions.sustained import sustained
from nas.errors import NasError

STEADY = "steady"
"""What the meter measures in any case."""
CONDITIONS: dict[str, Callable[[Bench, Progress], UnderCondition]] = {
    "end_to_end": end_to_end,
    "first_call": first_call,
    "after_pause": after_pause,
    "contended": contended,
    "quota": quota,
    "repeated": repeated,
    "sustained": sustained,
}
"""Those beside the steady one, in the order of measuring: what heats the machine comes last."""
Bar = Callable[[str], AbstractContextManager[Progress]]
"""Shows the progress of what it is given the name of."""


def chosen(names: Iterable[str], known: Collection[str] = CONDITIONS) -> list[str]:
    """Return the conditions of these names but the steady one, in the order of measuring.

    Raises NasError for a name that is not `known`, and for `quota` where there can't be one.
    """
    asked = {*names} - {STEADY}
    if unknown := sorted(asked - {*known}):
        raise NasError(
            f"a condition must be one of {', '.join([STEADY, *known])}, but got {unknown[0]}"
        )
    if "quota" in asked:
        with cpu_quota(1.0):  # fails now, if it does, rather than after half an hour of others
            pass
    return [name for name in CONDITIONS if name in asked]


def measure_conditions(
    names: Iterable[str], bench: Bench, bar: Bar
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Measure the networks of `bench` under the conditions of these names.

    Returns JSON values: for each network its latencies by the names of conditions and their parts,
    and for each condition how it was measured.
    """
    latencies: list[dict[str, Any]] = [{} for _ in bench.networks]
    parameters = {}
    for name in names:
        with bar(name) as show:
            found = CONDITIONS[name](bench, show)
        parameters[name] = dict(found.parameters)
        for part, of_networks in found.latencies.items():
            for each, latency in zip(latencies, of_networks, strict=True):
                each[part] = asdict(latency)
    return latencies, parameters
