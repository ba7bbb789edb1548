import pytest

from planner import Accuracy, InvalidValue


def test_the_interval_holds_the_estimate() -> None:
    assert Accuracy(top1=0.8, top1_low=0.7, top1_high=0.9).top1 == 0.8
    with pytest.raises(InvalidValue, match="`top1_low <= top1 <= top1_high` must hold"):
        Accuracy(top1=0.6, top1_low=0.7, top1_high=0.9)


def test_percent_are_refused() -> None:
    with pytest.raises(InvalidValue, match="`top1` must be a number from 0 to 1"):
        Accuracy(top1=80.0, top1_low=0.7, top1_high=0.9)
