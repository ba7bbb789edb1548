"""An entry's latencies under other conditions than that of its table, by the condition's name.

`first_call`, `after_pause_50ms`, `contended` ...: docs/deployment.md says what each of them is.
"""

from collections.abc import Mapping
from typing import Any

from planner.candidate import fields_of
from planner.errors import InvalidValue, shown
from planner.latency import Latency
from planner.rules import is_config_id

STEADY = "steady"
"""Run after run without a pause, on a machine that has nothing else to do."""
REPEATED = "repeated"
"""Steady, in several measuring sessions; the interval is one for the median of another session."""
FIELDS = fields_of("latency")


def are_conditions(value: object) -> bool:
    """Whether it maps names that are safe in files to latencies."""
    return isinstance(value, Mapping) and all(
        is_config_id(name) and isinstance(latency, Latency) for name, latency in value.items()
    )


def conditions_to_json(conditions: Mapping[str, Latency]) -> dict[str, dict[str, Any]]:
    """The latencies as JSON objects, with the names that an entry has for its own."""
    return {
        name: {key: getattr(latency, field) for key, field in FIELDS.items()}
        for name, latency in conditions.items()
    }


def conditions_from_json(values: object) -> dict[str, Latency]:
    """The inverse of `conditions_to_json`; raise InvalidValue for what is missing or wrong."""
    if not isinstance(values, dict):
        raise InvalidValue(f"`conditions` must be a JSON object, but got {shown(values)}")
    found = {}
    for name, given in values.items():
        if not isinstance(given, dict) or given.keys() != FIELDS.keys():
            raise InvalidValue(
                f"the latency under {shown(name)} must have exactly the fields {', '.join(FIELDS)}"
            )
        try:
            found[name] = Latency(**{field: given[key] for key, field in FIELDS.items()})
        except InvalidValue as error:
            raise InvalidValue(f"under {shown(name)}: {error}") from error
    return found
