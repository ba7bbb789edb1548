import pytest

from nas.errors import LimitError
from nas.evaluate.choice import Choice
from nas.evaluate.constraint import Constraint
from nas.evaluate.evaluation import CLEARLY_FASTER
from planner import Candidate, pareto_front


def named(one: Candidate, config_id: str, factor: float = 1.0, **values: float) -> Candidate:
    """The candidate by another name, `factor` times as slow, with other values."""
    latency = {
        name: factor * value for name, value in one.values().items() if name.startswith("latency_")
    }
    return one.with_values(config_id=config_id, **latency, **values)


def test_near_the_front_is_what_could_be_on_it_were_it_a_little_faster(
    candidates: list[Candidate],
) -> None:
    best = candidates[0]
    slower = [
        named(best, f"slower{index}", factor)
        for index, factor in enumerate((1 + CLEARLY_FASTER * 0.9, 1 + CLEARLY_FASTER * 1.1))
    ]
    assert Choice().near([*slower, best]) == [best, slower[0]]


def test_the_front_is_the_planners_and_always_near_the_front(candidates: list[Candidate]) -> None:
    assert Choice().front(candidates) == pareto_front(candidates) == candidates[:2]
    assert set(pareto_front(candidates)) <= set(Choice().near(candidates))


def test_the_first_of_equals_is_an_entry(candidates: list[Candidate]) -> None:
    twins = [named(candidates[0], "b"), named(candidates[0], "a")]
    assert [each.config_id for each in Choice().front(twins)] == ["a"]


def test_what_is_believed_chooses_instead_of_what_was_scored(candidates: list[Candidate]) -> None:
    believed = {"w0.6-r8": 0.95}
    front = Choice(known={"top1": believed}).front(candidates)
    assert [each.config_id for each in front] == ["w0.5-r8", "w0.6-r8"]


def test_a_further_objective_keeps_what_is_better_in_it(candidates: list[Candidate]) -> None:
    small = named(candidates[0], "small", 1.5, num_params=10)
    light = named(candidates[0], "light", 1.5)
    choice = Choice(
        objectives=("top1", "latency_p50_ms", "num_params", "energy_mj"),
        known={"energy_mj": {"light": 1.0, "small": 2.0, "w0.5-r8": 2.0}},
    )
    pool = [candidates[0], small, light, named(candidates[0], "worse", 1.5)]
    assert [each.config_id for each in choice.front(pool)] == ["w0.5-r8", "light", "small"]
    # What was not measured counts as infinite, so that nothing clearly beats `worse` in energy.
    assert {each.config_id for each in choice.near(pool)} >= {"w0.5-r8", "light", "small"}


def test_constraints_are_kept_and_nearly_kept_where_a_second_timing_decides(
    candidates: list[Candidate],
) -> None:
    bound = Choice(constraints=(Constraint("latency_p99_ms", 11.0), Constraint("top1", 0.75)))
    assert [each.config_id for each in bound.near(candidates)] == ["w0.5-r8", "w1-r8"]
    assert [each.config_id for each in bound.front(candidates)] == ["w0.5-r8"]


def test_where_nothing_keeps_them_the_nearest_is_told(candidates: list[Candidate]) -> None:
    both = Choice(constraints=(Constraint("top1", 0.85), Constraint("latency_p50_ms", 3.0)))
    for choose in (both.front, both.near):
        with pytest.raises(LimitError) as caught:
            choose(candidates)
        assert str(caught.value) == (
            "at least one candidate must keep top1>=0.85 and latency_p50_ms<=3, but none of 3 does:"
            " latency_p50_ms<=3 allows top1 0.8; top1>=0.85 needs latency_p50_ms 4; loosen one"
        )
