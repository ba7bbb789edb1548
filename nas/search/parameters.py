"""Converts configs to Optuna parameters and back.

A parameter is the number of a step: an ordered integer, each value of which is another network.
"""

from collections.abc import Mapping

from optuna.trial import FrozenTrial, Trial

from nas.search.steps import Steps
from supernet import SubnetConfig

RESOLUTION = "resolution_step"


def to_parameters(config: SubnetConfig, steps: Steps) -> dict[str, int]:
    """The numbers of the config's steps, lifted where it lies between two.

    `width_step0`, `width_step1` ... (`width_step` if there is one width) and `resolution_step`.
    """
    widths = steps.lifted(config).width_of_each(len(steps.widths))
    names = _width_names(steps)
    named = {
        name: each.index(width)
        for name, each, width in zip(names, steps.widths, widths, strict=True)
    }
    return {**named, RESOLUTION: steps.resolutions.index(config.resolution)}


def to_config(params: Mapping[str, float], steps: Steps) -> SubnetConfig | None:
    """The inverse of `to_parameters`; None if parameters are missing."""
    names = _width_names(steps)
    if not {*names, RESOLUTION} <= set(params):
        return None
    widths = (each[int(params[name])] for name, each in zip(names, steps.widths, strict=True))
    return SubnetConfig(
        width_mults=tuple(widths), resolution=steps.resolutions[int(params[RESOLUTION])]
    )


def features(params: Mapping[str, float], steps: Steps) -> list[float]:
    """The logs of the widths and of the resolution: those of `steps.features` of the config."""
    widths, resolutions = steps.logs
    names = _width_names(steps)
    values = [each[int(params[name])] for name, each in zip(names, widths, strict=True)]
    return [*values, resolutions[int(params[RESOLUTION])]]


def suggest(trial: Trial, steps: Steps) -> SubnetConfig:
    """The config that `trial` was enqueued with, or else one proposed by the study's sampler."""
    widths = [
        each[trial.suggest_int(name, 0, len(each) - 1)]
        for name, each in zip(_width_names(steps), steps.widths, strict=True)
    ]
    number = trial.suggest_int(RESOLUTION, 0, len(steps.resolutions) - 1)
    return SubnetConfig(width_mults=tuple(widths), resolution=steps.resolutions[number])


def of_trial(trial: FrozenTrial, steps: Steps) -> SubnetConfig | None:
    """The config of a trial in any state; None while its parameters are still being sampled."""
    enqueued = trial.system_attrs.get("fixed_params", {})
    return to_config({**enqueued, **trial.params}, steps)


def _width_names(steps: Steps) -> list[str]:
    count = len(steps.widths)
    return ["width_step"] if count == 1 else [f"width_step{index}" for index in range(count)]
