"""Whether a state dict is of a network: all of its tensors, but for the layers of the classes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from supernet.models.state_dicts import EXTRA_STATE, StateDict, is_count
from supernet.weights import first_names

NUM_SHOWN = 3
"""Names that a line gives of several."""


@dataclass(frozen=True, kw_only=True)
class Fit:
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


def heads_of(own: Mapping[str, Any], build: Callable[[int], nn.Module] | None) -> set[str]:
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


def body_of(own: Mapping[str, Any], heads: set[str]) -> str:
    """What all names but those of heads begin with, such as `backbone.`; may be empty."""
    names = [name for name in own if name not in heads]
    parts = [names[0][: end + 1] for end in reversed(_dots(names[0]))] if heads and names else []
    common = (part for part in parts if all(name.startswith(part) for name in names))
    return next((part for part in common if not any(n.startswith(part) for n in heads)), "")


def fit_of(
    state: StateDict,
    own: Mapping[str, Any],
    heads: Callable[[], set[str]],
    *,
    all_known: bool = False,
) -> Fit:
    """Whether `state` has all of a network's tensors except for its `heads`, and no others.

    Unless `all_known`, other heads than these are told by their shapes.
    """
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
            f"{len(missing)} are missing ({listed(missing)}) and {len(extra)} are unexpected "
            f"({listed(extra)})"
        )
    elif wrong := (
        next((name for name in other if name not in heads()), None)
        if all_known
        else _not_of_heads(other, entries, own)
    ):
        problem = f"{wrong} is {_shape(entries[wrong])} and must be {_shape(own[wrong])}"
    elif kinds := [name for name in kinds if not _is_optional(name)]:
        problem = f"{kinds[0]} is {_type(entries[kinds[0]])} and must be {_type(own[kinds[0]])}"
    return Fit(
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


def listed(names: Sequence[str]) -> str:
    """The first of several names, as a part of a line."""
    return joined([shown(name) for name in names[: NUM_SHOWN + 1]])


def joined(texts: Sequence[str]) -> str:
    """The first of several texts, as a part of a line."""
    text = ", ".join(texts[:NUM_SHOWN]) or "none"
    return f"{text}, ..." if len(texts) > NUM_SHOWN else text


def shown(name: str) -> str:
    """A name from a file, fit for a line."""
    return name.encode("unicode_escape").decode("ascii")
