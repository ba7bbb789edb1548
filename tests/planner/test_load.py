import math
import random

import pytest

from planner.load import Load


def noisy(level: float, num: int, seed: int = 0, spread: float = 0.05) -> list[float]:
    generator = random.Random(seed)
    return [level * math.exp(generator.gauss(0, spread)) for _ in range(num)]


def after(factors: list[float]) -> Load:
    load = Load()
    for factor in factors:
        load.observe(factor)
    return load


def test_the_level_is_the_lasting_one() -> None:
    assert Load().level == 1.0
    assert after(noisy(1.7, 200)).level == pytest.approx(1.7, rel=0.05)


@pytest.mark.parametrize("level", [0.4, 1.6, 3.0, 20.0])
def test_a_change_is_found_within_three_batches(level: float) -> None:
    assert after([*noisy(1.0, 100), *noisy(level, 3, seed=1)]).level == pytest.approx(
        level, rel=0.1
    )


def test_a_lone_slow_batch_is_no_change() -> None:
    before = noisy(1.0, 100)
    assert after([*before, 9.0]).level == pytest.approx(after(before).level, rel=0.02)


def test_the_jitter_is_what_was_seen_and_outlives_a_change() -> None:
    load = after([*noisy(1.0, 300, spread=0.2), *noisy(5.0, 4, seed=1, spread=0.2)])
    assert load.share_above(load.level, load.level) == pytest.approx(0.5, abs=0.1)
    assert load.share_above(load.level * math.exp(0.2), load.level) == pytest.approx(0.16, abs=0.1)
    assert load.share_above(load.level * 10, load.level) == 0.0
    assert load.quantile(0.5) == pytest.approx(1.0, abs=0.05)
    assert load.quantile(1.0) >= load.quantile(0.9) > 1.1


def test_it_says_when_it_found_a_change_and_when_it_is_sure_of_the_level() -> None:
    load = after(noisy(1.0, 60))
    assert (load.settled, load.num_changes) == (True, 0)
    for factor in noisy(4.0, 3, seed=1):
        load.observe(factor)
    assert (load.settled, load.num_changes) == (False, 1)
    for factor in noisy(4.0, 10, seed=2):
        load.observe(factor)
    assert (load.settled, load.num_changes) == (True, 1)
