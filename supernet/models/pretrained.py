"""Weights from a file into a network: those that fit it, or a refusal; see `load_weights`."""

import os
from collections import OrderedDict
from collections.abc import Callable, Set
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from torch import nn

from supernet.errors import CheckpointError, reason_of
from supernet.models.other_models import model_of
from supernet.models.state_dicts import TOP, StateDict, find_state_dicts, named
from supernet.models.weights_file import read_weights_file
from supernet.models.weights_fit import Fit, body_of, fit_of, heads_of, joined, listed, shown
from supernet.tell import to_stderr

KEY = "#"
"""Between a file's name and that of a state dict in it; a colon follows drives on Windows."""


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
    file, key = _split(Path(os.path.expanduser(path)))  # never raises, as Path's may
    own = model.state_dict(keep_vars=True)
    content = read_weights_file(file)
    heads = cache(partial(heads_of, own, build))
    fit = partial(fit_of, own=own, heads=heads, all_known=build is not None)
    fits = [fit(each) for each in _find(content, own.keys(), "", file, key)]
    if all(fit.problem for fit in fits) and (body := body_of(own, heads())):
        of_body = [fit(each) for each in _find(content, own.keys(), body, file, key)]
        fits = [fit for fit in of_body if not fit.problem] or fits or of_body
    if not fits or all(fit.problem for fit in fits):
        raise CheckpointError(_refusal(fits, file, next(iter(own), "none"), content))
    chosen = _choose(fits, file)
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


def _split(path: Path) -> tuple[Path, str | None]:
    """`FILE#NAME` -> file and name; a file may have such a name itself."""
    name, key = path.name, None
    while name and not path.with_name(name).exists():  # `.` and `/` have no name
        name, mark, last = name.rpartition(KEY)
        if not mark or not name:
            return path, None
        key = last if key is None else f"{last}{KEY}{key}"
    return path.with_name(name) if name else path, key


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
    chosen = found if key is None else named(found, key)
    if found and not chosen:
        raise CheckpointError(
            f"{path} must hold weights of this model under {shown(key or '')!r}, but has them "
            f"under {listed([state.name for state in found])}"
        )
    return chosen


def _refusal(fits: list[Fit], path: Path, example: str, content: Any) -> str:
    """Why nothing in a file fits, and which --model does; `example` is a name of the network's."""
    other = model_of(content, path)
    if other is not None:
        advice = f"they fit --model {other} without --model-args"
    else:
        advice = "choose the --model and --model-args that they belong to"
    if not fits:
        return (
            f"{path} must hold the weights of this model, but has none of its tensors (such as "
            f"{example}): {advice}"
        )
    best = max(fits, key=lambda fit: fit.num_known)
    where = "" if best.state.name == TOP else f" in {shown(best.state.name)}"
    return f"{path} must hold the weights of this model, but{where} {best.problem}: {advice}"


def _choose(fits: list[Fit], path: Path) -> Fit:
    """The state dict to load, of those that fit. Raises CheckpointError where several do."""
    fitting = [fit for fit in fits if fit.problem is None]
    fewest = min(len(fit.fresh) for fit in fitting)
    fitting = [fit for fit in fitting if len(fit.fresh) == fewest]
    averages = [fit for fit in fitting if fit.state.is_ema]
    preferred = averages or fitting
    if len(preferred) > 1:
        names = [fit.state.name for fit in preferred]
        raise CheckpointError(
            f"{path} must hold one set of weights for this model, but has {len(names)}: "
            f"{listed(names)}; choose one, as in {path}{KEY}{shown(names[0])}"
        )
    return preferred[0]


def _say(chosen: Fit, fits: list[Fit], path: Path) -> None:
    """Say on stderr which weights were taken, if others lie beside or if they are averages."""
    others = [fit for fit in fits if fit is not chosen]
    beside = [_with_reason(fit) if fit.state.is_ema else shown(fit.state.name) for fit in others]
    unused = [*beside, *map(shown, (*chosen.extra, *chosen.state.unused))]
    if not unused and not chosen.state.is_ema:
        return
    kind = "moving averages (EMA) " if chosen.state.is_ema else "weights "
    name = "at the top" if chosen.state.name == TOP else shown(chosen.state.name)
    rest = f"; not used: {joined(unused)}" if unused else ""
    choice = f" (to choose: --weights {path}{KEY}NAME)" if beside else ""
    to_stderr(f"{kind}from {path}: {name}{rest}{choice}")


def _with_reason(fit: Fit) -> str:
    """A name and why it was not taken."""
    return shown(fit.state.name) + (f" (of which {fit.problem})" if fit.problem else "")
