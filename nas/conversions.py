"""Values of supernet and of the meter as the planner's values, and back: the only place."""

from dataclasses import asdict

from nas.meter.latency import Latency as MeasuredLatency
from planner import Accuracy, Candidate, Config, Latency
from supernet import SubnetConfig
from supernet.evaluate.accuracy import Accuracy as CountedAccuracy


def subnet_config(candidate: Candidate) -> SubnetConfig:
    """Which subnet a candidate is."""
    config = candidate.config
    return SubnetConfig(width_mults=config.width_mults, resolution=config.resolution)


def planner_config(config: SubnetConfig) -> Config:
    """The same with its name."""
    return Config(
        config_id=config.config_id, width_mults=config.width_mults, resolution=config.resolution
    )


def planner_latency(latency: MeasuredLatency) -> Latency:
    """What was measured."""
    return Latency(**asdict(latency), kind="measured")


def planner_accuracy(accuracy: CountedAccuracy) -> Accuracy:
    """The share of images and its interval."""
    low, high = accuracy.interval
    return Accuracy(top1=accuracy.top1, top1_low=low, top1_high=high)
