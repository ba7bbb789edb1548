import json
from dataclasses import replace

import numpy as np
import pytest

from nas.evaluate.evaluation import Costs, Device, Evaluation, from_text, strongest_rival, to_text
from planner import Candidate, Latency


def test_the_rival_is_smaller_clearly_faster_and_has_seen_all(
    candidates: list[Candidate],
) -> None:
    best, good, half = np.ones(8, dtype=bool), np.arange(8) < 7, np.ones(4, dtype=bool)
    one = candidates[0].with_values(macs=100)
    fast, slow = (replace(one, latency=constant(ms)) for ms in (1.0, 1.5))
    large = replace(fast, macs=101)
    others = [
        Evaluation(candidate=fast, correct=half),
        Evaluation(candidate=slow, correct=best),
        Evaluation(candidate=large, correct=best),
    ]
    more = [*others, Evaluation(candidate=fast, correct=good)]
    assert strongest_rival(costs(1.6), others, 8) is None
    assert strongest_rival(costs(1.6), more, 8) is good
    assert strongest_rival(costs(1.9), more, 8) is best


def constant(ms: float) -> Latency:
    return Latency(p50_ms=ms, p90_ms=ms, p99_ms=ms, p50_low_ms=ms, p50_high_ms=ms, num_samples=1)


def costs(ms: float) -> Costs:
    return Costs(macs=100, num_params=1, latency=constant(ms))


def test_costs_survive_as_json() -> None:
    device = Device(host="pi", reference_ms=2.5)
    for found in (costs(1.5), replace(costs(1.5), peak_memory_bytes=7, device=device)):
        assert Costs.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize("num_bits", [0, 1, 8, 2001])
def test_bits_survive_as_text(num_bits: int) -> None:
    bits = np.random.default_rng(0).random(num_bits) < 0.5
    assert (from_text(to_text(bits)) == bits).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "base 10"), ("x:AA==", "base 10"), ("8:!!", "base64"), ("9:AA==", "9 bits")],
)
def test_other_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_text(text)
