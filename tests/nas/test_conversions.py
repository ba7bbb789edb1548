from nas.conversions import planner_accuracy, planner_config, planner_latency, subnet_config
from nas.meter.latency import Latency as MeasuredLatency
from planner import Candidate
from supernet import SubnetConfig
from supernet.evaluate.accuracy import Accuracy as CountedAccuracy


def test_a_config_survives_the_way_there_and_back(candidates: list[Candidate]) -> None:
    config = SubnetConfig(width_mults=(0.25, 0.5), resolution=8)
    there = planner_config(config)
    assert there.config_id == config.config_id
    candidate = candidates[0].with_values(**vars(there))
    assert subnet_config(candidate) == config


def test_a_measured_latency_keeps_every_number() -> None:
    measured = MeasuredLatency(
        p50_ms=1.0, p90_ms=2.0, p99_ms=3.0, p50_low_ms=0.9, p50_high_ms=1.1, num_samples=7
    )
    assert vars(planner_latency(measured)) == vars(measured) | {"kind": "measured"}


def test_a_counted_accuracy_becomes_a_share_with_its_interval() -> None:
    counted = CountedAccuracy(num_images=100, num_correct=80)
    found = planner_accuracy(counted)
    assert found.top1 == 0.8
    assert (found.top1_low, found.top1_high) == counted.interval
