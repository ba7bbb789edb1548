"""The only conversions between the value types of the supernet, the meter and the planner."""

from dataclasses import asdict

from nas.meter.latency import Latency as MeasuredLatency
from planner import Accuracy, Candidate, Config, Latency
from supernet import SubnetConfig
from supernet.evaluate.accuracy import Accuracy as CountedAccuracy


def subnet_config(candidate: Candidate) -> SubnetConfig:
    """The supernet's config of a candidate."""
    config = candidate.config
    return SubnetConfig(width_mults=config.width_mults, resolution=config.resolution)


def planner_config(config: SubnetConfig) -> Config:
    """The planner's config, which adds the config_id."""
    return Config(
        config_id=config.config_id, width_mults=config.width_mults, resolution=config.resolution
    )


def planner_latency(latency: MeasuredLatency) -> Latency:
    """The planner's latency, of kind "measured"."""
    return Latency(**asdict(latency), kind="measured")


def planner_accuracy(accuracy: CountedAccuracy) -> Accuracy:
    """The planner's accuracy: top1 and its 95 % interval."""
    low, high = accuracy.interval
    return Accuracy(top1=accuracy.top1, top1_low=low, top1_high=high)
