"""Converts configs to Optuna parameters and back.

A parameter is the number of a step: an ordered integer, each value of which is another network.
"""

from collections.abc import Mapping

from optuna.trial import FrozenTrial, Trial

from nas.search.steps import Steps
from supernet import SubnetConfig

RESOLUTION, DTYPE = "resolution_step", "dtype_step"


def to_parameters(config: SubnetConfig, steps: Steps) -> dict[str, int]:
    """The numbers of the config's steps, lifted where it lies between two.

    `width_step0`, `width_step1` ... (`width_step` if there is one width), `resolution_step` and,
    of several number types, `dtype_step`.
    """
    places = zip(_names(steps), steps.axes, steps.values_of(config), strict=True)
    return {name: axis.index(value) for name, axis, value in places}


def to_config(params: Mapping[str, float], steps: Steps) -> SubnetConfig | None:
    """The inverse of `to_parameters`; None if parameters are missing."""
    names = _names(steps)
    if not {*names} <= set(params):
        return None
    places = zip(names, steps.axes, strict=True)
    return steps.config_of([axis[int(params[name])] for name, axis in places])


def features(params: Mapping[str, float], steps: Steps) -> list[float]:
    """Those of `steps.features` of the config."""
    places = zip(_names(steps), steps.inputs, strict=True)
    return [inputs[int(params[name])] for name, inputs in places]


def suggest(trial: Trial, steps: Steps) -> SubnetConfig:
    """The config that `trial` was enqueued with, or else one proposed by the study's sampler."""
    return steps.config_of(
        [
            axis[trial.suggest_int(name, 0, len(axis) - 1)]
            for name, axis in zip(_names(steps), steps.axes, strict=True)
        ]
    )


def of_trial(trial: FrozenTrial, steps: Steps) -> SubnetConfig | None:
    """The config of a trial in any state; None while its parameters are still being sampled."""
    enqueued = trial.system_attrs.get("fixed_params", {})
    return to_config({**enqueued, **trial.params}, steps)


def _names(steps: Steps) -> list[str]:
    """The parameters' names, in the order of `steps.axes`."""
    count = len(steps.widths)
    widths = ["width_step"] if count == 1 else [f"width_step{index}" for index in range(count)]
    return [*widths, RESOLUTION, *([DTYPE] if steps.dtypes else [])]
