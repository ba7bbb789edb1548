from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
from numpy.testing import assert_allclose

from nas.search.guide import MAX_SCORED, Guide, _without, expected_gains, front_steps
from planner.pareto import hypervolume


def test_the_front_is_what_each_budget_buys() -> None:
    cost, top1 = np.array([3.0, 1.0, 2.0, 2.0, 4.0]), np.array([0.7, 0.5, 0.4, 0.6, 0.7])
    assert [each.tolist() for each in front_steps(cost, top1)] == [[1, 2, 3], [0.5, 0.6, 0.7]]
    assert [len(each) for each in front_steps(np.array([]), np.array([]))] == [0, 0]


def area(cost: list[float], top1: list[float], floor: float, end: float) -> float:
    return hypervolume(zip(top1, cost, strict=True), (floor, end))


@pytest.mark.parametrize("new", [0.5, 1.5, 2.5, 3.9, 5.0])
def test_expected_gains_are_the_mean_growth_of_the_hypervolume(new: float) -> None:
    cost, top1, floor, end = [1.0, 2.0, 3.0], [0.5, 0.6, 0.7], 0.3, 4.0
    mean, std = 0.62, 0.05
    draws = np.random.default_rng(0).normal(mean, std, 20_000)
    before = area(cost, top1, floor, end)
    plain = np.mean([area([*cost, new], [*top1, draw], floor, end) - before for draw in draws])
    (fast,) = expected_gains(
        np.array([mean]),
        np.array([std]),
        np.array([new]),
        steps=front_steps(np.array(cost), np.array(top1)),
        floor=floor,
        end=end,
    )
    assert_allclose(fast, plain, rtol=0.03, atol=1e-6)


WIDTHS, SIDES = [0.25 + 0.05 * number for number in range(16)], [16, 20, 24, 28]


def features(params: dict[str, Any]) -> list[float]:
    return [
        float(np.log((SIDES if name == "side" else WIDTHS)[number]))
        for name, number in sorted(params.items())
    ]


def make_guide(seed: int = 0, is_new: Callable[[dict[str, Any]], bool] = lambda _: True) -> Guide:
    return Guide(seed=seed, is_new=is_new, features=features)


def evaluate(trial: optuna.Trial, noise: np.random.Generator) -> tuple[float, float]:
    """Three groups that are worth different amounts; the best front is far off the diagonal."""
    worth, cost = (0.02, 0.05, 0.3), (8.0, 4.0, 1.0)
    widths = [WIDTHS[trial.suggest_int(f"width{index}", 0, 15)] for index in range(3)]
    side = SIDES[trial.suggest_int("side", 0, 3)]
    pixels = (side / 28) ** 2
    top1 = 0.5 + sum(w * np.log(x) / 4 for w, x in zip(worth, widths, strict=True)) + pixels / 20
    latency = 0.1 + pixels * sum(c * x**2 for c, x in zip(cost, widths, strict=True))
    return top1 + noise.normal(0, 0.002), latency


def run(sampler: optuna.samplers.BaseSampler, num_trials: int) -> list[tuple[float, float]]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    noise = np.random.default_rng(1)
    study.optimize(lambda trial: evaluate(trial, noise), num_trials)
    return [(trial.values[0], float(np.log(trial.values[1]))) for trial in study.trials]


@pytest.mark.slow
def test_it_finds_in_sixty_trials_what_chance_does_not_in_three_hundred() -> None:
    guided = run(make_guide(), 60)
    random = run(optuna.samplers.RandomSampler(seed=0), 300)
    reference = (0.3, float(np.log(13.1)))
    assert hypervolume(guided, reference) > hypervolume(random, reference)


def test_the_same_seed_proposes_the_same() -> None:
    one, other = (run(make_guide(seed=3), 20) for _ in range(2))
    assert one == other


def test_it_proposes_what_is_new_and_says_what_it_expects() -> None:
    guide = make_guide(is_new=lambda params: params["side"] != 0)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=guide)
    assert np.isnan(guide.expected_gain)
    noise = np.random.default_rng(1)
    for _ in range(30):
        trial = study.ask()
        study.tell(trial, evaluate(trial, noise))
        if trial.number >= 12:
            assert trial.params["side"] != 0
            assert 0 < guide.expected_gain < 1


@pytest.mark.slow
def test_it_keeps_a_constraint() -> None:
    guide = make_guide()
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=guide)
    noise = np.random.default_rng(1)
    latencies = []
    for _ in range(60):
        trial = study.ask()
        top1, latency = evaluate(trial, noise)
        trial.set_constraint("limit", latency / 3 - 1)
        study.tell(trial, [top1, latency])
        latencies.append(latency)
    assert np.mean(np.array(latencies[12:]) <= 3 * 1.05) > 0.9


def test_it_does_not_propose_what_others_are_evaluating_nor_beside_it() -> None:
    """Four proposals before any is told: each is worth less once the others are believed."""
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=make_guide())
    noise = np.random.default_rng(1)
    for _ in range(20):
        trial = study.ask()
        study.tell(trial, evaluate(trial, noise))
    guide, begun, gains = study.sampler, [], []
    assert isinstance(guide, Guide)
    for _ in range(4):
        trial = study.ask()
        evaluate(trial, noise)
        begun.append(tuple(trial.params.values()))
        gains.append(guide.expected_gain)
    assert len(set(begun)) == 4
    assert gains == sorted(gains, reverse=True)


def test_a_space_without_a_choice_in_one_parameter() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=make_guide())
    for _ in range(15):
        trial = study.ask()
        width = WIDTHS[trial.suggest_int("width0", 0, 15)]
        trial.suggest_int("side", 3, 3)
        study.tell(trial, [width, width**2])
    assert len({trial.params["width0"] for trial in study.trials}) > 8


def test_of_several_costs_each_is_worth_a_share() -> None:
    """One width costs latency, the other parameters; the guide finds the front of both."""

    def objectives(trial: optuna.Trial) -> tuple[float, float, float]:
        widths = [WIDTHS[trial.suggest_int(f"width{index}", 0, 15)] for index in range(2)]
        top1 = 0.5 + float(np.log(widths[0] * widths[1])) / 20
        return top1, 0.1 + 4 * widths[0] ** 2 + widths[1], 0.1 + widths[0] + 4 * widths[1] ** 2

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        directions=["maximize", "minimize", "minimize"], sampler=make_guide()
    )
    study.optimize(objectives, 40)
    proposed = [trial.params for trial in study.trials[12:]]
    assert any(each["width0"] > each["width1"] + 4 for each in proposed)
    assert any(each["width1"] > each["width0"] + 4 for each in proposed)


def test_it_learns_from_scores_of_configs_whose_costs_it_does_not_know() -> None:
    """Elsewhere the second resolution turned out to be good, of which nothing is known here."""
    elsewhere = [
        {"width0": first, "width1": 8, "width2": 8, "side": side}
        for first in range(0, 16, 2)
        for side in range(4)
    ]
    top1 = np.array([0.9 if each["side"] == 1 else 0.5 for each in elsewhere])
    scored = np.array([features(each) for each in elsewhere]), top1

    def proposed(scored: tuple[Any, Any] | None) -> list[int]:
        guide = Guide(seed=0, is_new=lambda _: True, features=features, scored=scored)
        study = optuna.create_study(directions=["maximize", "minimize"], sampler=guide)
        noise, found = np.random.default_rng(1), []
        for number in range(16):
            if number < 12:
                sides = {"side": (0, 2, 3)[number % 3], "width1": 8, "width2": 8}
                study.enqueue_trial({**sides, "width0": number})
            trial = study.ask()
            study.tell(trial, evaluate(trial, noise))
            found.append(trial.params["side"])
        return found[12:]

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    assert proposed(scored).count(1) > proposed(None).count(1)


def test_what_was_timed_here_is_not_counted_twice_and_too_much_is_thinned() -> None:
    x = np.array([[0.0, 1.0], [1.0, 2.0]])
    scored = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, 0.6])
    left, top1 = _without(x, scored)
    assert (left.tolist(), top1.tolist()) == ([[3.0, 4.0]], [0.6])
    many = np.arange(2000.0).reshape(1000, 2) + 10, np.arange(1000.0)
    left, top1 = _without(x, many)
    assert len(left) == len(top1) == MAX_SCORED
    assert (top1[0], top1[-1]) == (0, 999)
    assert _without(x, None)[0].shape == (0, 2)
