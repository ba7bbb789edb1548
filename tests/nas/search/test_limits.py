from dataclasses import replace

import pytest

from nas.search.limits import Limits
from planner import Candidate


@pytest.fixture
def one(candidates: list[Candidate]) -> Candidate:
    return replace(candidates[0], macs=2000)  # latency_p50_ms=1.0


def test_without_limits_all_is_allowed(one: Candidate) -> None:
    assert Limits().allow(one)
    assert Limits().excess(one) == []


def test_excess_is_relative_and_at_most_zero_where_a_limit_is_kept(one: Candidate) -> None:
    assert Limits(max_latency_ms=0.5, max_macs=2000).excess(one) == [1.0, 0.0]


def test_all_limits_must_be_kept(one: Candidate) -> None:
    assert Limits(max_macs=2000, max_latency_ms=1).allow(one)
    assert not Limits(max_macs=1999).allow(one)
    assert not Limits(max_macs=2000, max_latency_ms=0.9).allow(one)
