"""Which artifacts to keep loaded when memory doesn't fit all of them."""

from collections.abc import Mapping

from planner.errors import InvalidValue


def warm_set(sizes: Mapping[str, int], running: str, limit: float) -> list[str]:
    """Return the ids to keep loaded: `running`, the first as a fallback, then the nearest ones.

    `sizes` are in bytes, ordered from the fastest entry to the most accurate. Their sum stays
    within `limit`, except that `running` is always loaded. Raises InvalidValue for an unknown
    `running`.
    """
    order = list(sizes)
    if running not in sizes:
        raise InvalidValue(f"the entry must be one of {', '.join(order)}, but got {running}")
    position = order.index(running)
    nearest = sorted(order, key=lambda name: (abs(order.index(name) - position), order.index(name)))
    held = [running]
    for name in [order[0], *nearest]:
        if name not in held and sum(sizes[one] for one in held) + sizes[name] <= limit:
            held.append(name)
    return held
