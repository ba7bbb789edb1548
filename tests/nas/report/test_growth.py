import math

import numpy
import pytest

from nas.evaluate.evaluation import Evaluation
from nas.report.growth import growth_figure, hypervolume_shares
from planner import Candidate


def test_shares_by_hand(candidates: list[Candidate]) -> None:
    # top1 0.8 at 1 ms, 0.9 at 4 ms, 0.7 at 2 ms: up to 0.7 and 4 ms only the first has an area.
    assert hypervolume_shares(candidates) == [1.0, 1.0, 1.0]
    # From the slow end: nothing, the worst, then all.
    assert hypervolume_shares(candidates[::-1]) == [0.0, 0.0, 1.0]


def test_a_front_of_two_grows_in_two_steps(candidates: list[Candidate]) -> None:
    fast, best, worse = candidates
    slowest = [worse, best, fast, *([worse] * 2)]
    assert hypervolume_shares(slowest)[2:] == [1.0, 1.0, 1.0]
    shares = hypervolume_shares([best, fast])  # the reference is fast's top1 and best's latency
    assert shares == [0.0, 0.0], "no area: one has the worst top1, the other the worst latency"
    assert math.isfinite(sum(shares))


def test_both_axes_end_with_everything(candidates: list[Candidate]) -> None:
    right = numpy.ones(10, dtype=bool)
    scored = [Evaluation(candidate=each, correct=right, duration_s=30.0) for each in candidates]
    by_number, by_time = growth_figure(scored).data
    assert list(by_number.x) == [1, 2, 3]
    assert list(by_time.x) == pytest.approx([0.5, 1.0, 1.5])
    assert list(by_number.y) == list(by_time.y) == [1.0, 1.0, 1.0]
