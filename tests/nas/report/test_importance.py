import random

import pytest

from nas.report.importance import MIN_CANDIDATES, group_importance
from planner import Candidate


def some(candidate: Candidate, num: int) -> list[Candidate]:
    """top1 follows the second width alone, latency the resolution alone."""
    rng = random.Random(0)
    found = []
    for number in range(num):
        widths, side = (rng.uniform(0.25, 1), rng.uniform(0.25, 1)), rng.choice((8, 12, 16))
        top1, ms = 0.5 + 0.4 * widths[1], 0.01 * side
        found.append(
            candidate.with_values(
                config_id=f"c{number}",
                width_mults=widths,
                resolution=side,
                top1=top1,
                top1_low=top1,
                top1_high=top1,
                latency_p50_ms=ms,
                latency_p50_low_ms=ms,
                latency_p50_high_ms=ms,
            )
        )
    return found


def test_what_decides_has_almost_all_of_the_variance(candidates: list[Candidate]) -> None:
    found = some(candidates[0], 60)
    top1 = group_importance(found, "top1", ["first", "second"])
    assert next(iter(top1)) == "second"
    assert top1["second"] > 0.9
    assert group_importance(found, "latency_p50_ms", ["first", "second"])["resolution"] > 0.9
    assert sum(top1.values()) == pytest.approx(1.0)


def test_the_uniform_grid_is_the_same_width_everywhere(candidates: list[Candidate]) -> None:
    found = some(candidates[0], 60)
    uniform = found[0].with_values(width_mults=(0.5,), config_id="uniform")
    assert set(group_importance([*found, uniform], "top1", ["a", "b"])) == {"a", "b", "resolution"}


def test_too_few_or_all_equal_say_nothing(candidates: list[Candidate]) -> None:
    assert group_importance(some(candidates[0], MIN_CANDIDATES - 1), "top1", ["a", "b"]) == {}
    assert group_importance([candidates[0]] * 30, "top1", ["a"]) == {}
