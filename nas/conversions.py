"""The only conversions between the value types of the supernet, the meter and the planner."""

from dataclasses import asdict

from nas.meter.latency import Latency as MeasuredLatency
from nas.number_types import dtype_of, typed
from planner import Accuracy, Candidate, Config, Latency
from supernet import SubnetConfig
from supernet.evaluate.accuracy import Accuracy as CountedAccuracy


def subnet_config(candidate: Candidate) -> SubnetConfig:
    """The supernet's config of a candidate, in a number type if the target has several."""
    config = candidate.config
    subnet = SubnetConfig(width_mults=config.width_mults, resolution=config.resolution)
    return typed(subnet, config.dtype)


def planner_config(config: SubnetConfig) -> Config:
    """The planner's config, which adds the config_id."""
    return Config(
        config_id=config.config_id,
        width_mults=config.width_mults,
        resolution=config.resolution,
        dtype=dtype_of(config),
    )


def planner_latency(latency: MeasuredLatency) -> Latency:
    """The planner's latency, of kind "measured"."""
    return Latency(**asdict(latency), kind="measured")


def planner_accuracy(accuracy: CountedAccuracy) -> Accuracy:
    """The planner's accuracy: top1 and its 95 % interval."""
    low, high = accuracy.interval
    return Accuracy(top1=accuracy.top1, top1_low=low, top1_high=high)
