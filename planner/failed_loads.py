"""FailedLoads: which artifacts could not be loaded, and when to try each again."""

from collections.abc import Mapping
from dataclasses import dataclass

MAX_DOUBLINGS = 6


@dataclass(frozen=True)
class _Failure:
    error: Exception
    num_in_row: int
    retry_at_s: float
    is_waiting: bool


class FailedLoads:
    """Leaves an artifact out for `retry_s`, then twice as long after each further failure.

    The wait grows to at most 64 times `retry_s`. A file that was missing only while it was
    replaced thus returns soon, and one that stays damaged costs next to nothing.
    """

    def __init__(self, retry_s: float) -> None:
        """Begin with no failure."""
        self._retry_s = retry_s
        self._by_name: dict[str, _Failure] = {}
        self.num_failures = 0
        """All failures so far."""

    @property
    def left_out(self) -> Mapping[str, Exception]:
        """The artifacts that are not to be loaded now, with the reason."""
        return {name: one.error for name, one in self._by_name.items() if one.is_waiting}

    def add(self, name: str, error: Exception, now_s: float) -> None:
        """Note a failure at `now_s`."""
        known = self._by_name.get(name)
        num_in_row = known.num_in_row + 1 if known else 1
        wait_s = self._retry_s * 2 ** min(num_in_row - 1, MAX_DOUBLINGS)
        self._by_name[name] = _Failure(error, num_in_row, now_s + wait_s, is_waiting=True)
        self.num_failures += 1

    def forget(self, name: str) -> None:
        """Note that `name` was loaded: its next failure is its first again."""
        self._by_name.pop(name, None)

    def release_due(self, now_s: float) -> bool:
        """Readmit the artifacts whose wait is over; return whether there was one."""
        due = {
            name: _Failure(one.error, one.num_in_row, one.retry_at_s, is_waiting=False)
            for name, one in self._by_name.items()
            if one.is_waiting and now_s >= one.retry_at_s
        }
        self._by_name |= due
        return bool(due)
