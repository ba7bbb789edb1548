"""Races between made-up networks, whose answers are known."""

import numpy as np
import pytest
from scipy.stats import binomtest

from nas.evaluate.evaluation import Bits
from nas.evaluate.racing import FIRST_SLICE, MAX_ERROR, Race
from supernet.evaluate.accuracy import Accuracy


def answers(
    rng: np.random.Generator,
    num_images: int = 500,
    num_networks: int = 5,
    handicap: float = 0.0,
) -> Bits:
    """Networks about as good as each other, but for the second, which has a handicap.

    Most images are easy, or hard for all.
    """
    ease = rng.beta(1.5, 0.3, size=num_images)
    found = rng.random((num_networks, num_images)) < ease
    if handicap:
        found[1] = rng.random(num_images) < ease ** (1 + handicap)
    return found


def with_lead(candidate: Bits, rival: Bits, lead: int, rng: np.random.Generator) -> Bits:
    """The candidate changed on as few images as it takes to lead by just so many."""
    changed = candidate.copy()
    missing = lead - int(changed.sum()) + int(rival.sum())
    changed[rng.permutation(np.flatnonzero(changed != (missing > 0)))[: abs(missing)]] ^= True
    assert changed.sum() - rival.sum() == lead
    return changed


def bounds(race: Race) -> tuple[float, float, float]:
    found = race.accuracy()
    return found.top1, found.top1_low, found.top1_high


def run(race: Race, candidate: Bits) -> Race:
    while len(images := race.next_slice):
        race.add(candidate[images])
    return race


@pytest.mark.parametrize("num_others", [0, 4])
@pytest.mark.parametrize("lead", [1, 10])
def test_a_winner_is_stopped_at_most_once_in_twenty_races(num_others: int, lead: int) -> None:
    """Looking after every slice; a lead of one image is the hardest case."""
    rng = np.random.default_rng(0)
    num_stopped, num_races = 0, 600
    for _ in range(num_races):
        rival, candidate, *others = answers(rng, num_networks=2 + num_others)
        winner = with_lead(candidate, rival, lead, rng)
        race = run(Race(len(rival), rival, [rival, *others], rng), winner)
        num_stopped += race.num_images < len(rival)
    assert num_stopped <= MAX_ERROR * num_races


def test_even_when_the_others_are_no_guide_at_all() -> None:
    rng = np.random.default_rng(1)
    num_stopped = 0
    for _ in range(300):
        rival, candidate = answers(rng, num_networks=2)
        winner = with_lead(candidate, rival, 1, rng)
        others = [~winner, ~winner, ~winner]
        race = run(Race(len(rival), rival, [rival, *others], rng), winner)
        num_stopped += race.num_images < len(rival)
    assert num_stopped <= MAX_ERROR * 300


def test_a_clear_loser_costs_few_images_and_is_estimated_a_little_too_low() -> None:
    rng = np.random.default_rng(2)
    seen, errors, covered = [], [], 0
    for _ in range(100):
        rival, loser, *others = answers(rng, num_images=2000, num_networks=8, handicap=0.4)
        race = run(Race(len(rival), rival, [rival, *others], rng), loser)
        top1, low, high = bounds(race)
        seen.append(race.num_images)
        errors.append(top1 - loser.mean())
        covered += low <= loser.mean() <= high
        assert low < top1 <= rival.mean(), "what is stopped never beats its rival on paper"
    assert np.mean(seen) < 2000 / 3
    assert -0.015 < np.mean(errors) <= 0, "it is stopped when it looks worst"
    assert covered >= 90  # of 100 at 95 %; two standard deviations are 4.4


def test_the_interval_is_wider_than_that_of_all_images() -> None:
    rng = np.random.default_rng(3)
    rival, candidate = answers(rng, num_images=2000, num_networks=2)
    race = run(Race(len(rival), rival, [rival], rng), with_lead(candidate, rival, -150, rng))
    assert race.num_images < 2000
    top1, low, high = bounds(race)
    full = Accuracy(num_images=2000, num_correct=round(top1 * 2000)).interval
    assert high - low > full[1] - full[0]


def test_who_sees_the_whole_way_has_exact_numbers() -> None:
    rng = np.random.default_rng(4)
    rival, candidate, other = answers(rng, num_networks=3)
    winner = with_lead(candidate, rival, 30, rng)
    race = run(Race(len(rival), rival, [rival, other], rng), winner)
    assert (race.correct == winner).all(), "in the order of the split"
    exact = Accuracy(num_images=500, num_correct=int(winner.sum()))
    assert bounds(race) == (exact.top1, *exact.interval)
    assert not race.is_lost
    assert len(race.next_slice) == 0


def test_slices_grow_and_hold_each_image_once() -> None:
    rng = np.random.default_rng(5)
    rival, candidate = answers(rng, num_images=3000, num_networks=2)
    race = Race(len(rival), rival, [rival], rng)
    sizes, seen = [], []
    while len(images := race.next_slice):
        sizes.append(len(images))
        seen += list(images)
        race.add(with_lead(candidate, rival, 5, np.random.default_rng(0))[images])
    assert sizes[0] == FIRST_SLICE
    assert sizes[:-1] == sorted(sizes[:-1])
    assert sorted(seen) == list(range(3000))


def test_a_few_images_are_one_slice() -> None:
    race = Race(3, np.array([True, False, True]), [], np.random.default_rng(0))
    assert sorted(race.next_slice) == [0, 1, 2]
    race.add(np.array([True, True, True]))
    assert bounds(race)[0] == 1.0


def test_the_same_generator_gives_the_same_race() -> None:
    rival, candidate, other = answers(np.random.default_rng(6), num_networks=3)
    one, two = (
        run(Race(len(rival), rival, [other], np.random.default_rng(7)), candidate) for _ in range(2)
    )
    assert one.num_images == two.num_images
    assert one.accuracy() == two.accuracy()


def test_without_a_rival_all_images_are_seen() -> None:
    (candidate,) = answers(np.random.default_rng(8), num_networks=1)
    race = run(Race(len(candidate), None, [], np.random.default_rng(0)), candidate)
    assert (race.correct == candidate).all()
    assert bounds(race)[0] == candidate.mean()


def test_fewer_images_than_a_sign_test_at_doubling_looks() -> None:
    """Behind by 2 points: McNemar with Bonferroni needs most of them."""
    rng = np.random.default_rng(9)
    ours, theirs = [], []
    for _ in range(60):
        rival, candidate, *others = answers(rng, num_images=2000, num_networks=10)
        loser = with_lead(candidate, rival, -40, rng)
        ours.append(run(Race(2000, rival, [rival, *others], rng), loser).num_images)
        order = rng.permutation(2000)
        theirs.append(sign_test(loser[order], rival[order]))
    assert np.mean(ours) < 0.8 * np.mean(theirs)


def sign_test(loser: Bits, rival: Bits) -> int:
    """Images until the rival leads significantly, at 125, 250, 500 and 1,000 of them."""
    for look in (125, 250, 500, 1000):
        theirs, mine = np.sum(rival[:look] & ~loser[:look]), np.sum(loser[:look] & ~rival[:look])
        if binomtest(int(theirs), int(theirs + mine) or 1, alternative="greater").pvalue < 0.0125:
            return look
    return len(loser)
