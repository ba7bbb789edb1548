"""What makes two targets different, in words: of fingerprints one sees only that they differ."""

from collections.abc import Iterator, Sequence

from planner.target import NOT_KNOWN, Target

MAX_LISTED = 6
MAX_NAMES = 6
"""Instruction sets that are named; of more, the number is told."""


def target_differences(old: Target, new: Target) -> tuple[str, ...]:
    """One text, like "dtype: float32 -> int8", for each identifying property that differs.

    Of instruction sets, those that only one of the targets has are named. What a table does not
    hold, such as one from before version 1.2, is "not known". Empty for equal targets.
    """
    return tuple(_differences(old, new))


def listed(differences: Sequence[str]) -> str:
    """The first of them in one line, and how many more there are."""
    more = len(differences) - MAX_LISTED
    return "; ".join(differences[:MAX_LISTED]) + (f"; and {more} more" if more > 0 else "")


def _differences(old: Target, new: Target) -> Iterator[str]:
    before, now = _flat(old), _flat(new)
    for name in dict.fromkeys([*before, *now]):
        was, is_ = before.get(name, NOT_KNOWN), now.get(name, NOT_KNOWN)
        if was == is_:
            continue
        if name == "instruction_sets" and NOT_KNOWN not in (was, is_):
            yield f"{name}: {_sets(was, is_)}"
        else:
            yield f"{name}: {was} -> {is_}"


def _flat(target: Target) -> dict[str, str]:
    """What identifies a target, by name, as text; the CPU's name only if it isn't the device's."""
    values = target.identity
    del values["details"]
    details = dict(target.details)
    if details.get("cpu") == target.device:
        del details["cpu"]
    return {name: str(value) for name, value in (values | details).items()}


def _sets(old: str, new: str) -> str:
    was, is_ = set(old.split()), set(new.split())
    parts = [
        f"{word} {_names(sorted(names))}"
        for word, names in (("without", was - is_), ("with", is_ - was))
        if names
    ]
    return ", ".join(parts)


def _names(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return " ".join(names[:MAX_NAMES]) + more
