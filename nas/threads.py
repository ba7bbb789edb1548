"""The number of a runtime's threads: by default, and at most, one for each usable core.

Standard library only, because the kit packs this file.
"""

from nas.errors import RuntimeUnavailableError
from supernet.cores import usable_cores


def threads_to_use(requested: int | None) -> int:
    """Return `requested`, or the number of cores that this process may use if it is None.

    Raises RuntimeUnavailableError for less than 1, and for more than the usable cores: such threads
    take turns, so that every latency would be that of an overloaded machine.
    """
    if requested is not None and requested < 1:
        raise RuntimeUnavailableError(f"the number of threads must be >= 1, but got {requested}")
    cores = usable_cores()
    if requested is not None and requested > cores.num_usable:
        raise RuntimeUnavailableError(
            "the number of threads must be at most that of the cores that this process may use, "
            f"{cores.num_usable} ({cores}), but got {requested}; "
            f"use --num-threads {cores.num_usable}"
        )
    return requested or cores.num_usable
