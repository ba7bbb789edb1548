"""Converts configs to Optuna parameters and back."""

from collections.abc import Mapping

from optuna.trial import FrozenTrial, Trial

from supernet import SearchSpace, SubnetConfig


def to_parameters(config: SubnetConfig, num_groups: int) -> dict[str, float]:
    """Parameters `width0`, `width1`, ... (`width` if there is one group) and `resolution`."""
    widths = config.width_mults * (num_groups // len(config.width_mults))
    named = dict(zip(_width_names(num_groups), widths, strict=True))
    return {**named, "resolution": config.resolution}


def to_config(params: Mapping[str, float], num_groups: int) -> SubnetConfig | None:
    """The inverse of `to_parameters`; None if parameters are missing."""
    names = _width_names(num_groups)
    if not {*names, "resolution"} <= set(params):
        return None
    widths = tuple(round(params[name], 4) for name in names)
    return SubnetConfig(width_mults=widths, resolution=int(params["resolution"]))


def suggest(trial: Trial, space: SearchSpace) -> SubnetConfig:
    """The config that `trial` was enqueued with, or else one proposed by the study's sampler."""
    widths = tuple(
        round(trial.suggest_float(name, *space.width_range), 4)
        for name in _width_names(space.num_groups)
    )
    resolution = trial.suggest_categorical("resolution", space.resolutions)
    return SubnetConfig(width_mults=widths, resolution=resolution)


def of_trial(trial: FrozenTrial, num_groups: int) -> SubnetConfig | None:
    """The config of a trial in any state; None while its parameters are still being sampled."""
    enqueued = trial.system_attrs.get("fixed_params", {})
    return to_config({**enqueued, **trial.params}, num_groups)


def _width_names(num_groups: int) -> list[str]:
    return ["width"] if num_groups == 1 else [f"width{index}" for index in range(num_groups)]
