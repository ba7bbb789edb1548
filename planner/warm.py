"""Which artifacts to hold ready when memory doesn't hold all of them."""

from collections.abc import Mapping

from planner.errors import InvalidValue


def warm_set(sizes: Mapping[str, int], running: str, limit: float) -> list[str]:
    """The ids to hold while `running` runs: it, the first (to fall back on), then the nearest.

    `sizes` are bytes, from the fastest to the most accurate; the sum of those held stays within
    `limit`, save that `running` is always held. Raises InvalidValue for an unknown `running`.
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
