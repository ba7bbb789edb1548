import math

import pytest

from nas.errors import NasError
from nas.evaluate.constraint import Constraint, nearest


@pytest.mark.parametrize(
    "text", ["latency_p99_ms<=8", "top1>=0.9", "macs<=5e+07", "energy_mj<=0.25"]
)
def test_a_constraint_is_read_as_it_is_written(text: str) -> None:
    assert str(Constraint.parse(text)) == text
    assert Constraint.parse(text.replace("=", "= ").replace("<", " <")) == Constraint.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed<=1", "what is bounded must be one of top1, latency_p50_ms, .* but got 'speed'"),
        ("latency_p99_ms", "must read like 'latency_p99_ms<=8' or 'top1>=0.9', but got 'latency_p"),
        ("latency_p99_ms<8", "must read like"),
        ("macs<=many", "must read like"),
        ("macs>=5", "macs must be bounded by <=, but got 'macs>=5'"),
        ("top1<=0.9", "top1 must be bounded by >=, but got 'top1<=0.9'"),
        ("top1>=90", "the bound of top1 must be above 0 and at most 1, but got 90"),
        ("macs<=-1", "the bound of macs must be above 0, but got -1"),
        ("macs<=nan", "the bound of macs must be above 0, but got nan"),
        ("macs<=inf", "the bound of macs must be above 0, but got inf"),
    ],
)
def test_other_text_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(NasError, match=message):
        Constraint.parse(text)


def test_the_excess_is_a_share_and_at_most_0_where_the_bound_is_kept() -> None:
    fast, good = Constraint("latency_p50_ms", 8.0), Constraint("top1", 0.9)
    assert [fast.excess(value) for value in (4.0, 8.0, 12.0)] == [-0.5, 0.0, 0.5]
    assert good.excess(0.45) == pytest.approx(1.0)
    assert good.excess(0.95) < 0 == good.excess(0.9)
    assert good.excess(0.0) == fast.excess(None) == math.inf


def test_what_can_be_had_instead_is_told_for_each_constraint() -> None:
    both = [Constraint("top1", 0.9), Constraint("latency_p50_ms", 8.0)]
    rows = [
        {"top1": 0.884, "latency_p50_ms": 7.9},
        {"top1": 0.91, "latency_p50_ms": 14.0},
        {"top1": 0.901, "latency_p50_ms": 12.34},
        {"top1": 0.7, "latency_p50_ms": 2.0},
    ]
    assert nearest(both, rows) == (
        "latency_p50_ms<=8 allows top1 0.884; top1>=0.9 needs latency_p50_ms 12.3"
    )
    assert nearest(both[:1], rows[:1]) == "this supernet here allows top1 0.884"
    assert nearest([Constraint("macs", 10)], [{"macs": 123_456}]) == (
        "this supernet here needs macs 123,456"
    )
    three = [*both, Constraint("macs", 1)]
    assert nearest(three, [{**row, "macs": 5} for row in rows]) == "no two of them are kept at once"
