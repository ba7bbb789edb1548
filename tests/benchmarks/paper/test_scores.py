import math

import pytest

from benchmarks.paper.scores import best_under, front_volume, interval


def score(macs: int, selection: int, report: int) -> dict[str, int]:
    return {"macs": macs, "selection": selection, "report": report}


def test_the_best_under_a_budget_is_chosen_on_selection_and_reported_on_report() -> None:
    scores = [score(10, 50, 70), score(20, 60, 55), score(30, 60, 90)]
    assert best_under(scores, 9) is None
    assert best_under(scores, 10) == scores[0]
    assert best_under(scores, 99) == scores[1]


def test_an_interval_holds_images_and_seeds() -> None:
    one = interval([(80, 100)])
    two = interval([(70, 100), (90, 100)])
    assert one is not None
    assert two is not None
    assert one["high"] - one["top1"] == pytest.approx(1.96 * math.sqrt(0.8 * 0.2 / 100), rel=1e-3)
    assert two["top1"] == 0.8
    assert two["high"] - 0.8 == pytest.approx(1.96 * math.sqrt(0.0016 + 0.01), rel=1e-3)
    assert interval([]) is None


def test_the_volume_is_under_steps_over_log_macs() -> None:
    assert front_volume([(1, 0.5), (math.e, 0.8), (math.e**2, 0.9)]) == pytest.approx(1.3)
