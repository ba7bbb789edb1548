from dataclasses import replace

import numpy as np
import pytest

from nas.evaluate.evaluation import Scored, from_text, rival_of, to_text
from planner import Candidate


def test_the_rival_is_smaller_clearly_faster_and_has_seen_all(
    candidates: list[Candidate],
) -> None:
    best, good, half = np.ones(8, dtype=bool), np.arange(8) < 7, np.ones(4, dtype=bool)
    fast, slow = (
        replace(
            candidates[0],
            macs=100,
            latency_p50_ms=ms,
            latency_p90_ms=ms,
            latency_p99_ms=ms,
            latency_p50_low_ms=ms,
            latency_p50_high_ms=ms,
        )
        for ms in (1.0, 1.5)
    )
    large = replace(fast, macs=101)
    others = [
        Scored(candidate=fast, right=half),
        Scored(candidate=slow, right=best),
        Scored(candidate=large, right=best),
    ]
    assert rival_of(1.6, 100, others, 8) is None
    assert rival_of(1.6, 100, [*others, Scored(candidate=fast, right=good)], 8) is good
    assert rival_of(1.9, 100, [*others, Scored(candidate=fast, right=good)], 8) is best


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
