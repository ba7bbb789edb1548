"""The state dicts in a file: wherever it holds them, under whatever prefix."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from torch import Tensor

EXTRA_STATE = "_extra_state"
"""End of the names of what `get_extra_state` returned, which need not be tensors."""
TOP = "."
"""Name of a state dict that lies in no dict and has no prefix."""
SHARE = 1 / 3
"""Of the names that the fullest state dict holds; with less it is a part of another network's."""
MAX_DEPTH = 8
"""Dicts within dicts that are looked through."""
INNER_WRAPPERS = re.compile(
    r"(?<=\.)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|module)\."
)
"""What torch.compile, FSDP, checkpointing and DDP insert where they wrap a part of a network."""
FORMER_NAME = re.compile(
    r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var))$"
)
"""Names in torchvision's published DenseNets: a dot that today's have no longer."""
EMA = re.compile(r"(?<![A-Za-z])ema(?![a-z])|E(?:ma|MA)(?![a-z])")


@dataclass(frozen=True, kw_only=True)
class StateDict:
    """One state dict of a file."""

    name: str
    """Keys that lead to it and the prefix of its names, joined by dots; `TOP`: neither."""
    entries: dict[str, Any]
    """Its tensors and extra states by the network's names, as far as they are the network's."""
    metadata: dict[str, Any] | None
    """Versions of modules by module; None: not recorded."""
    unused: tuple[str, ...] = ()
    """Names of tensors in the same dict that lack the prefix."""

    @property
    def is_ema(self) -> bool:
        """Whether its name says that it is a moving average."""
        return EMA.search(self.name) is not None


def find_state_dicts(content: Any, own: Set[str]) -> list[StateDict]:
    """The state dicts in a file's `content` that hold a good part of a network's `own` names.

    Prefixes are found by what is left, not from a list: `model.` stays in names that the network
    has itself. Where a file has the same tensors at several places, the first is given.
    """
    found: dict[tuple[tuple[str, int], ...], StateDict] = {}
    for path, each in _dicts(content, ()):
        state = {name: value for name, value in each.items() if _is_entry(name, value)}
        for prefix, entries in _by_prefix(state, own).items():
            same = tuple(sorted((name, id(entries[name])) for name in entries if name in own))
            if same and same not in found:
                found[same] = StateDict(
                    name=".".join((*path, *prefix.split(".")[:-1])) or TOP,
                    entries=entries,
                    metadata=_metadata(each, prefix),
                    unused=tuple(
                        name
                        for name, value in state.items()
                        if not name.startswith(prefix) and not is_count(value)
                    ),
                )
    most = max(map(len, found), default=0)
    return [each for same, each in found.items() if len(same) >= SHARE * most]


def _by_prefix(state: Mapping[str, Any], own: Set[str]) -> dict[str, dict[str, Any]]:
    """The entries under each prefix; those that another state dict accounts for under its alone."""
    found = {prefix: _renamed(state, prefix, own) for prefix in _prefixes(state)}
    shares = {prefix: len(entries.keys() & own) / len(own) for prefix, entries in found.items()}
    whole = [p for p, share in shares.items() if share > (SHARE if EMA.search(p) else 0.5)]
    for prefix, entries in found.items():
        inner = tuple(p.removeprefix(prefix) for p in whole if p != prefix and p.startswith(prefix))
        for name in [name for name in entries if name not in own and name.startswith(inner)]:
            del entries[name]
    return found


def named(state_dicts: Iterable[StateDict], key: str) -> list[StateDict]:
    """Those that `key` names, or that lie in what it names; else those that have it in their name.

    `model` is `model` and `model.module`; `encoder` is `state_dict.encoder` if there is no other.
    """
    found = list(state_dicts)
    at_key = [each for each in found if f"{each.name}.".startswith(f"{key}.")]
    return at_key or [each for each in found if f".{key}." in f".{each.name}."]


def _dicts(content: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Each dict within dicts, with the keys that lead to it."""
    if isinstance(content, dict) and len(path) <= MAX_DEPTH:
        yield path, content
        for key, value in content.items():
            if isinstance(key, str) and not key.endswith(EXTRA_STATE):
                yield from _dicts(value, (*path, key))


def _is_entry(name: Any, value: Any) -> bool:
    return isinstance(name, str) and (isinstance(value, Tensor) or name.endswith(EXTRA_STATE))


def is_count(value: Any) -> bool:
    """Whether it is a single number, such as AveragedModel's `n_averaged`."""
    return isinstance(value, Tensor) and value.dim() == 0


def _prefixes(names: Collection[str]) -> list[str]:
    """All beginnings of names that end with a dot, and the empty one; short ones first."""
    found = {""}
    for name in names:
        found.update(name[: match.end()] for match in re.finditer(r"\.", name))
    return sorted(found, key=lambda prefix: (prefix.count("."), prefix))


def _renamed(state: Mapping[str, Any], prefix: str, own: Collection[str]) -> dict[str, Any]:
    """The entries with a prefix, without it, under the network's names where these differ."""
    entries = {
        name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)
    }
    todays = {name: _todays(name, own) for name in entries if name not in own}
    taken = set(entries)
    for name, today in todays.items():
        if today in own and today not in taken:
            entries[today] = entries.pop(name)
            taken.add(today)
    return entries


def _todays(name: str, own: Collection[str]) -> str:
    """The network's name for what a file names otherwise, if it has any."""
    variants = (FORMER_NAME.sub(r"\1\2", name), INNER_WRAPPERS.sub("", name))
    return next((variant for variant in variants if variant in own), name)


def _metadata(state: Any, prefix: str) -> dict[str, Any] | None:
    versions = getattr(state, "_metadata", None)
    if not isinstance(versions, Mapping):
        return None
    return {
        f"{module}.".removeprefix(prefix).removesuffix("."): entry
        for module, entry in versions.items()
        if isinstance(module, str) and f"{module}.".startswith(prefix)
    }
