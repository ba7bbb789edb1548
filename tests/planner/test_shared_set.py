import random
from collections.abc import Sequence
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import Entry
from planner.fleet import Demand
from planner.shared_set import Targets, ascending, best_shared_sets, exchanged, without_dominated

LEVEL = st.integers(1, 9)
Points = list[tuple[int, int]]


def demands_at(
    targets: Sequence[Points], budgets: Sequence[Sequence[tuple[float, float]]]
) -> list[Demand]:
    """One demand per target; entry i of each target has the (top1, latency) of its point i."""
    return [
        Demand(
            [
                Entry.from_values(
                    config_id=f"c{index}",
                    origin="grid",
                    width_mults=(1.0,),
                    resolution=28,
                    top1=top1 / 10,
                    top1_low=0,
                    top1_high=1,
                    macs=1,
                    num_params=1,
                    latency_p50_ms=latency,
                    latency_p90_ms=latency,
                    latency_p99_ms=latency,
                    latency_p50_low_ms=latency,
                    latency_p50_high_ms=latency,
                    num_samples=1,
                    kind="measured",
                    top1_selection=0.5,
                )
                for index, (top1, latency) in enumerate(points)
            ],
            budgets_,
        )
        for points, budgets_ in zip(targets, budgets, strict=True)
    ]


@st.composite
def fleets(draw: st.DrawFn) -> list[Demand]:
    """Up to 8 entries on up to 3 targets with up to 6 weighted budgets each."""
    num, num_targets = draw(st.integers(1, 8)), draw(st.integers(1, 3))
    point, pair = st.tuples(LEVEL, LEVEL), st.tuples(LEVEL, LEVEL)
    targets = [draw(st.lists(point, min_size=num, max_size=num)) for _ in range(num_targets)]
    budgets = [draw(st.lists(pair, min_size=1, max_size=6)) for _ in range(num_targets)]
    return demands_at(targets, budgets)


def names_of(demands: Sequence[Demand]) -> list[str]:
    return list(demands[0].top1)


def reached(demands: Sequence[Demand], names: Sequence[str]) -> float:
    return sum(demand.expected_top1(names) for demand in demands)


def brute_force(demands: Sequence[Demand], size: int) -> float:
    """Straight from the definition: every set of that many."""
    names = names_of(demands)
    return max(reached(demands, some) for some in combinations(names, min(size, len(names))))


@settings(max_examples=300)
@given(fleets())
def test_the_sets_are_the_best_there_are(demands: list[Demand]) -> None:
    names = names_of(demands)
    found = best_shared_sets(demands, names, len(names), max_steps=3000)
    for size, (ids, bound) in enumerate(found, start=1):
        assert len(ids) <= size
        assert reached(demands, ids) == pytest.approx(brute_force(demands, size))
        assert bound == pytest.approx(reached(demands, ids))
    most = reached(demands, found[-1][0]) if found else 0
    assert most == pytest.approx(reached(demands, names))


@settings(max_examples=300)
@given(fleets(), st.integers(1, 12))
def test_a_search_that_is_cut_short_still_bounds_the_best(
    demands: list[Demand], max_steps: int
) -> None:
    names = names_of(demands)
    found = best_shared_sets(demands, names, len(names), max_steps=max_steps)
    for size, (ids, bound) in enumerate(found, start=1):
        best = brute_force(demands, size)
        assert bound >= best - 1e-9
        assert (1 - 1 / 2.718281828) * best <= reached(demands, ids) + 1e-9 <= best + 2e-9


@pytest.mark.parametrize("seed", range(4))
def test_larger_fleets_agree_with_a_plain_brute_force(seed: int) -> None:
    """13 entries on 3 devices that order them differently, 20 budgets each, within the limit."""
    rng = random.Random(seed)
    accuracies = [rng.uniform(5, 9) for _ in range(13)]
    targets = [[(t, t * rng.uniform(0.6, 1.6)) for t in accuracies] for _ in range(3)]
    budgets = [[(rng.uniform(3, 14), rng.uniform(0.1, 1)) for _ in range(20)] for _ in range(3)]
    demands = demands_at(targets, budgets)  # type: ignore[arg-type]
    found = best_shared_sets(demands, names_of(demands), 5)
    assert len(found) == 5
    for size, (ids, bound) in enumerate(found, start=1):
        best = brute_force(demands, size)
        assert reached(demands, ids) == pytest.approx(best)
        assert bound >= best - 1e-12
        assert bound == pytest.approx(best, rel=5e-4)


@given(fleets(), st.sets(st.integers(0, 7)))
def test_the_numbers_of_a_set_are_those_of_its_demands(
    demands: list[Demand], chosen: set[int]
) -> None:
    targets = Targets(demands, names_of(demands))
    some = [index for index in chosen if index < len(targets.names)]
    ids = [targets.names[index] for index in some]
    assert targets.expected_top1(some) == pytest.approx(reached(demands, ids))
    for prices, demand in zip(targets.best_top1(some), demands, strict=True):
        assert prices == demand.best_top1(ids)
    gains, paid = targets.profits(targets.best_top1(some))
    assert paid == pytest.approx(reached(demands, ids))
    for gain, name in zip(gains, targets.names, strict=True):
        assert gain == pytest.approx(reached(demands, [*ids, name]) - paid, abs=1e-9)


@settings(max_examples=200)
@given(fleets(), st.data())
def test_any_prices_bound_every_set(demands: list[Demand], data: st.DataObject) -> None:
    targets = Targets(demands, names_of(demands))
    prices = [
        sorted(data.draw(st.lists(st.floats(0, 1), min_size=len(w), max_size=len(w))))
        for w in targets.weights
    ]
    profits, paid = targets.profits(prices)
    for size in range(1, len(targets.names) + 1):
        bound = paid + sum(sorted(profits, reverse=True)[:size])
        assert bound >= brute_force(demands, size) - 1e-9


@given(fleets())
def test_what_is_dominated_is_not_needed(demands: list[Demand]) -> None:
    kept = Targets(demands, names_of(demands)).names
    assert reached(demands, kept) == pytest.approx(reached(demands, names_of(demands)))


def test_of_equal_entries_one_is_kept() -> None:
    places = {"a": ((0, 0.5), (1, 0.5)), "b": ((0, 0.5), (1, 0.5)), "c": ((1, 0.5), (0, 0.4))}
    assert without_dominated(places) == ["c", "a"] or without_dominated(places) == ["a", "c"]
    assert without_dominated({"none": ((3, 0.0),)}) == []


def test_a_compromise_that_no_budget_would_choose_is_found() -> None:
    """Each target has a favourite that the other can't run; the third one runs on both."""
    demands = demands_at(
        [[(9, 1), (9, 5), (8, 1)], [(9, 5), (9, 1), (8, 1)]], [[(2.0, 1.0)], [(2.0, 1.0)]]
    )
    ((names, bound),) = best_shared_sets(demands, names_of(demands), 1)
    assert names == ["c2"]
    assert bound == pytest.approx(1.6)
    assert exchanged(Targets(demands, names_of(demands)), [0])


def test_a_large_fleet_takes_a_bounded_number_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 entries on 4 devices took 20 s; a look at all entries takes 0.1 ms, so this is 0.3 s."""
    rng = random.Random(0)
    accuracies = [rng.uniform(5, 9) for _ in range(64)]
    targets = [[(t, t * rng.uniform(0.6, 1.6)) for t in accuracies] for _ in range(4)]
    budgets = [[(3 + 0.11 * i, 1.0) for i in range(100)]] * 4
    demands = demands_at(targets, budgets)  # type: ignore[arg-type]
    num_looks = 0
    profits = Targets.profits

    def counted(self: Targets, prices: list[list[float]]) -> tuple[list[float], float]:
        nonlocal num_looks
        num_looks += 1
        return profits(self, prices)

    monkeypatch.setattr(Targets, "profits", counted)
    found = best_shared_sets(demands, names_of(demands), 12)
    assert len(found) == 12
    assert num_looks < 12 * 250
    for ids, bound in found:
        assert reached(demands, ids) > 0.99 * bound


def test_progress_is_told_after_each_size() -> None:
    told: list[tuple[int, int]] = []
    demands = demands_at([[(5, 1), (7, 3), (9, 5)]] * 2, [[(1, 1), (3, 1), (5, 1)]] * 2)
    best_shared_sets(demands, names_of(demands), 3, progress=lambda *two: told.append(two))
    assert told == [(1, 3), (2, 3), (3, 3)]


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 5)), min_size=1, max_size=12))
def test_pooled_values_ascend_and_keep_their_mean(pairs: list[tuple[float, float]]) -> None:
    values, weights = [value for value, _ in pairs], [weight for _, weight in pairs]
    pooled = ascending(values, weights)
    assert all(before <= after + 1e-12 for before, after in pairwise(pooled))
    assert min(pooled) >= 0
    if min(values) >= 0:
        mean = sum(v * w for v, w in pairs)
        assert sum(v * w for v, w in zip(pooled, weights, strict=True)) == pytest.approx(mean)
