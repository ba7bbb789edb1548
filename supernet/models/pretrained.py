"""Weights from a file into a network: those that fit it, or a refusal; see `load_weights`."""

import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from supernet.errors import CheckpointError, reason_of
from supernet.models.state_dicts import EXTRA_STATE, TOP, StateDict, find_state_dicts, is_count
from supernet.models.weights_file import read_weights_file
from supernet.weights import first_names

KEY = "#"
"""Between a file's name and that of a state dict in it; a colon follows drives on Windows."""
NUM_SHOWN = 3
"""Names that a line gives of several."""


def load_weights(
    model: nn.Module, path: Path, *, build: Callable[[int], nn.Module] | None = None
) -> list[str]:
    """Load the weights in `path` into `model`; return the names that kept their initial weights.

    The file must hold the model's parameters and buffers, in a state dict anywhere in it and with
    any prefix. Where several fit, moving averages (EMA) are taken, and one line on stderr says so;
    `FILE#NAME` names one. The layers that make the logits may be missing or have other names, and
    may be for another number of classes, as may those of auxiliary heads: they keep their initial
    weights. `build`, which makes the same network for another number of classes, tells which layers
    these are; without it, the last layer is meant.

    Raises CheckpointError, without changing the model, if the file cannot be read or does not fit.
    """
    file, key = _split(path)
    own = model.state_dict(keep_vars=True)
    content = read_weights_file(file)
    heads = cache(partial(_heads, own, build))
    fits = [_fit(each, own, heads) for each in _find(content, own.keys(), "", file, key)]
    if all(fit.problem for fit in fits) and (body := _body(own, heads())):
        of_body = [_fit(each, own, heads) for each in _find(content, own.keys(), body, file, key)]
        fits = [fit for fit in of_body if not fit.problem] or fits or of_body
    chosen = _choose(fits, file, next(iter(own), "none"))
    state = chosen.state
    fitting = OrderedDict((n, v) for n, v in state.entries.items() if n not in chosen.fresh)
    # Some networks load only what says which version of them it is of.
    versions = state.metadata or getattr(model.state_dict(), "_metadata", {})
    fitting._metadata = versions  # type: ignore[attr-defined]
    try:
        model.load_state_dict(fitting, strict=False)
    except Exception as error:  # a module that loads its own state may raise anything
        raise CheckpointError(
            f"{file} must load into the model, but got: {reason_of(error)}"
        ) from error
    _say(chosen, fits, file)
    return list(chosen.fresh)


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """How a state dict fits a network."""

    state: StateDict
    num_known: int
    """Names of the network that it holds."""
    fresh: tuple[str, ...] = ()
    """Names that keep their initial weights."""
    extra: tuple[str, ...] = ()
    """Names of another head, which are not used."""
    problem: str | None
    """Why it does not fit, for a line that begins with the file; None: it fits."""


def _split(path: Path) -> tuple[Path, str | None]:
    """`FILE#NAME` -> file and name; a file may have such a name itself."""
    name, key = path.name, None
    while not path.with_name(name).exists():
        name, mark, last = name.rpartition(KEY)
        if not mark or not name:
            return path, None
        key = last if key is None else f"{last}{KEY}{key}"
    return path.with_name(name), key


def _find(content: Any, own: Set[str], body: str, path: Path, key: str | None) -> list[StateDict]:
    """The state dicts of a network, or of that part whose names begin with `body`; under `key`."""
    names = {name.removeprefix(body) for name in own if name.startswith(body)}
    found = [
        replace(
            state,
            entries={
                f"{body}{name}" if name in names else name: value
                for name, value in state.entries.items()
            },
        )
        for state in find_state_dicts(content, names)
    ]
    named = [state for state in found if key is None or state.is_at(key)]
    if found and not named:
        raise CheckpointError(
            f"{path} must hold weights of this model under {_shown(key or '')!r}, but has them "
            f"under {_some([state.name for state in found])}"
        )
    return named


def _heads(own: Mapping[str, Any], build: Callable[[int], nn.Module] | None) -> set[str]:
    """Names in the layers that make logits: those that depend on the number of classes.

    Without `build`, those in the last layer, if that has weights for several outputs.
    """
    if build is not None:
        few, more = build(2).state_dict(), build(3).state_dict()
        return {name for name in own if _shape(few.get(name)) != _shape(more.get(name))}
    names = [name for name in own if not _is_optional(name)]
    layer = names[-1].rpartition(".")[0] if names else ""
    last = {name for name in own if name.rpartition(".")[0] == layer}
    return last if any(len(_shape(own[name]) or ()) >= 2 for name in last) else set()


def _body(own: Mapping[str, Any], heads: set[str]) -> str:
    """What all names but those of heads begin with, such as `backbone.`; may be empty."""
    names = [name for name in own if name not in heads]
    parts = [names[0][: end + 1] for end in reversed(_dots(names[0]))] if heads and names else []
    common = (part for part in parts if all(name.startswith(part) for name in names))
    return next((part for part in common if not any(n.startswith(part) for n in heads)), "")


def _fit(state: StateDict, own: Mapping[str, Any], heads: Callable[[], set[str]]) -> _Fit:
    """Whether `state` has all of a network's tensors except for its heads, and no others."""
    entries, first = state.entries, first_names(own)
    known = {first.get(name, name) for name in entries if name in own}
    missing = [n for n in own if first.get(n, n) not in known and not _is_optional(n)]
    extra = [name for name in entries if name not in own and not is_count(entries[name])]
    shaped = [n for n in entries if n in own and not n.endswith(EXTRA_STATE)]
    other = [n for n in shaped if _shape(entries[n]) != _shape(own[n])]
    kinds = [n for n in shaped if n not in other and _kind(entries[n]) != _kind(own[n])]
    problem = None
    if not _may_miss(missing, known, own, heads) or not _may_have(extra, entries, missing, own):
        problem = (
            f"{len(missing)} are missing ({_some(missing)}) and {len(extra)} are unexpected "
            f"({_some(extra)})"
        )
    elif wrong := _not_of_heads(other, entries, own):
        problem = f"{wrong} is {_shape(entries[wrong])} and must be {_shape(own[wrong])}"
    elif kinds := [name for name in kinds if not _is_optional(name)]:
        problem = f"{kinds[0]} is {_type(entries[kinds[0]])} and must be {_type(own[kinds[0]])}"
    return _Fit(
        state=state,
        num_known=len(known),
        fresh=(*other, *missing),
        extra=tuple(extra),
        problem=problem,
    )


def _may_miss(
    missing: list[str], known: set[str], own: Mapping[str, Any], heads: Callable[[], set[str]]
) -> bool:
    """Whether all that is missing are whole heads, and the body of the network is there."""
    if not missing:
        return True
    layers = {name.rpartition(".")[0] for name in missing}
    whole = [n for n in own if n.rpartition(".")[0] in layers and not _is_optional(n)]
    return heads().issuperset(missing) and len(whole) == len(missing) and not known <= heads()


def _may_have(
    extra: list[str], entries: Mapping[str, Any], missing: list[str], own: Mapping[str, Any]
) -> bool:
    """Whether all that is unexpected is one head in place of a missing one.

    It lies where no other layer of the network does, begins with as many inputs, and consists of
    linear layers: more layers of the body, as in a deeper network, are no head.
    """
    if not extra:
        return True
    modules = {name[:end] for name in own for end in _dots(name)} - _parents_alone(missing, own)
    tops = {next((n[:e] for e in _dots(n) if n[:e] not in modules), "") for n in extra}
    weights = [shape for name in extra if len(shape := _shape(entries[name]) or ()) >= 2]
    inputs = {shape[1] for name in missing if len(shape := _shape(own[name]) or ()) >= 2}
    return (
        len(tops) == 1
        and all(top and "." not in top and not top.isdigit() for top in tops)
        and bool(weights)
        and all(set(shape[2:]) <= {1} for shape in weights)
        and weights[0][1] in inputs
    )


def _dots(name: str) -> list[int]:
    return [index for index, character in enumerate(name) if character == "."]


def _parents_alone(missing: list[str], own: Mapping[str, Any]) -> set[str]:
    """Modules of the network that hold nothing but what is missing."""
    kept = {name[:end] for name in own if name not in missing for end in _dots(name)}
    return {name[:end] for name in missing for end in _dots(name)} - kept


def _choose(fits: list[_Fit], path: Path, example: str) -> _Fit:
    """The state dict to load. Raises CheckpointError where none fits, or several do."""
    if not fits:
        raise CheckpointError(
            f"{path} must hold a state dict of this model, but has none of its tensors (such as "
            f"{example}): choose the --model and --model-args that it belongs to"
        )
    fitting = [fit for fit in fits if fit.problem is None]
    if not fitting:
        best = max(fits, key=lambda fit: fit.num_known)
        where = "" if best.state.name == TOP else f" in {_shown(best.state.name)}"
        raise CheckpointError(
            f"{path} must hold the weights of this model, but{where} {best.problem}: choose the "
            "--model and --model-args that they belong to"
        )
    fewest = min(len(fit.fresh) for fit in fitting)
    fitting = [fit for fit in fitting if len(fit.fresh) == fewest]
    averages = [fit for fit in fitting if fit.state.is_ema]
    preferred = averages or fitting
    if len(preferred) > 1:
        names = [fit.state.name for fit in preferred]
        raise CheckpointError(
            f"{path} must hold one set of weights for this model, but has {len(names)}: "
            f"{_some(names)}; choose one, as in {path}{KEY}{_shown(names[0])}"
        )
    return preferred[0]


def _say(chosen: _Fit, fits: list[_Fit], path: Path) -> None:
    """Say on stderr which weights were taken where others lie beside, or where they are averages.

    State dicts lie beside that hold at least half as much of the network.
    """
    others = [fit for fit in fits if fit is not chosen and 2 * fit.num_known >= chosen.num_known]
    beside = [_with_reason(fit) if fit.state.is_ema else _shown(fit.state.name) for fit in others]
    unused = [*beside, *map(_shown, (*chosen.extra, *chosen.state.unused))]
    if not unused and not chosen.state.is_ema:
        return
    kind = "moving averages (EMA) " if chosen.state.is_ema else "weights "
    name = "at the top" if chosen.state.name == TOP else _shown(chosen.state.name)
    rest = f"; not used: {_joined(unused)}" if unused else ""
    choice = f" (to choose: --weights {path}{KEY}NAME)" if beside else ""
    print(f"{kind}from {path}: {name}{rest}{choice}", file=sys.stderr)


def _with_reason(fit: _Fit) -> str:
    """A name and why it was not taken."""
    return _shown(fit.state.name) + (f" (of which {fit.problem})" if fit.problem else "")


def _not_of_heads(
    names: list[str], tensors: Mapping[str, Any], own: Mapping[str, Any]
) -> str | None:
    """The first of `names` that is no parameter of a classifier for other classes.

    Classifiers are the last layer, and layers whose number of outputs, their tensors' first
    dimension, alone differs: in the same way for all of them.
    """
    changes = {}
    for name in names:
        there, here = _shape(tensors[name]), _shape(own[name])
        if there and here and there[1:] == here[1:]:
            changes[name] = there[0], here[0]
    alike = len(set(changes.values())) == 1
    last_layer = list(own)[-1].rpartition(".")[0]
    others = (name for name in names if name.rpartition(".")[0] != last_layer)
    return next((name for name in others if name not in changes or not alike), None)


def _is_optional(name: str) -> bool:
    """Whether files may lack it: counts of BN's batches, and what is no tensor."""
    return "num_batches_tracked" in name or name.endswith(EXTRA_STATE)


def _shape(value: Any) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, Tensor) else None


def _kind(value: Any) -> tuple[bool, bool]:
    """What of a tensor's type a copy does not convert without loss."""
    return value.is_floating_point(), value.is_complex()


def _type(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.")


def _some(names: Sequence[str]) -> str:
    return _joined([_shown(name) for name in names[: NUM_SHOWN + 1]])


def _joined(texts: Sequence[str]) -> str:
    joined = ", ".join(texts[:NUM_SHOWN]) or "none"
    return f"{joined}, ..." if len(texts) > NUM_SHOWN else joined


def _shown(name: str) -> str:
    """A name from a file, fit for a line."""
    return name.encode("unicode_escape").decode("ascii")
