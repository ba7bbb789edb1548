"""Racing on answers that are made up, so that who is better is known."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from nas.racing import (
    Bits,
    Scored,
    estimate,
    from_text,
    has_lost,
    looks,
    race,
    rival_of,
    to_text,
)
from planner import Candidate

NUM_IMAGES = 2000


def answers(bits: Bits, piece: int = 125) -> Iterator[Bits]:
    return (bits[start : start + piece] for start in range(0, len(bits), piece))


def a_pair(rng: np.random.Generator, better: float) -> tuple[Bits, Bits]:
    """A candidate and a rival that disagree on 6 % of images and differ by `better` in top1."""
    both, luck = rng.random(NUM_IMAGES) < 0.85, rng.random(NUM_IMAGES)
    rival = both & (luck > 0.03 - better / 2) | (~both & (luck < 0.03))
    mine = both & (luck < 0.97 - better / 2) | (~both & (luck > 0.97))
    return mine, rival


def test_looks_double_and_end_with_all_images() -> None:
    assert looks(2000) == [125, 250, 500, 1000, 2000]
    assert looks(1000) == [125, 250, 500, 1000]
    assert looks(100) == [100]


def test_without_a_rival_all_images_are_seen() -> None:
    mine, _ = a_pair(np.random.default_rng(0), 0.0)
    assert (race(answers(mine, 500), None, NUM_IMAGES) == mine).all()


def test_no_more_is_asked_than_needed() -> None:
    rng = np.random.default_rng(0)
    mine, rival = rng.random(NUM_IMAGES) < 0.5, np.ones(NUM_IMAGES, dtype=bool)
    pieces = answers(mine)
    assert len(race(pieces, rival, NUM_IMAGES)) == 125
    assert len(next(pieces)) == 125


def test_one_look_by_hand() -> None:
    """Of 10 discordant images 10 are the rival's: chance 2**-10, below a quarter of 5 %."""
    mine, rival = np.ones(NUM_IMAGES, dtype=bool), np.ones(NUM_IMAGES, dtype=bool)
    mine[:6] = False
    assert not has_lost(mine[:125], rival, NUM_IMAGES)  # 2**-6 > 0.0125
    mine[:7] = False
    assert has_lost(mine[:125], rival, NUM_IMAGES)  # 2**-7 < 0.0125
    assert not has_lost(rival[:125], mine, NUM_IMAGES)


def test_an_equal_candidate_loses_in_at_most_five_of_a_hundred_races() -> None:
    rng = np.random.default_rng(0)
    pairs = [a_pair(rng, 0.0) for _ in range(1000)]
    lost = sum(len(race(answers(mine), rival, NUM_IMAGES)) < NUM_IMAGES for mine, rival in pairs)
    assert lost <= 50


def test_a_clearly_worse_one_is_found_out_early() -> None:
    rng = np.random.default_rng(0)
    pairs = [a_pair(rng, 0.05) for _ in range(200)]
    seen = [len(race(answers(mine), rival, NUM_IMAGES)) for mine, rival in pairs]
    assert np.mean(seen) < NUM_IMAGES / 4


def test_what_lost_is_estimated_below_its_rival_and_the_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(1)
    inside = lost = 0
    for _ in range(400):
        mine, rival = a_pair(rng, 0.04)
        seen = race(answers(mine), rival, NUM_IMAGES)
        top1, low, high = estimate(seen, rival, NUM_IMAGES)
        assert 0 <= low <= top1 <= high <= 1
        if len(seen) < NUM_IMAGES:
            lost += 1
            assert top1 < rival.mean()
            inside += low <= 0.85 + 0.15 * 0.03 - 0.85 * 0.05 <= high
    assert lost > 300
    assert inside > 0.9 * lost


def test_where_all_images_are_seen_top1_is_their_share() -> None:
    mine, rival = a_pair(np.random.default_rng(0), 0.0)
    assert estimate(mine, rival, NUM_IMAGES)[0] == mine.mean()


def test_the_rival_is_smaller_clearly_faster_and_has_seen_all(
    candidates: list[Candidate],
) -> None:
    best, good, half = np.ones(8, dtype=bool), np.arange(8) < 7, np.ones(4, dtype=bool)
    fast, slow = (
        replace(
            candidates[0],
            macs=100,
            latency_p50_ms=ms,
            latency_p90_ms=ms,
            latency_p99_ms=ms,
            latency_p50_low_ms=ms,
            latency_p50_high_ms=ms,
        )
        for ms in (1.0, 1.5)
    )
    large = replace(fast, macs=101)
    others = [
        Scored(candidate=fast, right=half),
        Scored(candidate=slow, right=best),
        Scored(candidate=large, right=best),
    ]
    assert rival_of(1.6, 100, others, 8) is None
    assert rival_of(1.6, 100, [*others, Scored(candidate=fast, right=good)], 8) is good
    assert rival_of(1.9, 100, [*others, Scored(candidate=fast, right=good)], 8) is best


@pytest.mark.parametrize("num_bits", [0, 1, 8, 2001])
def test_bits_survive_as_text(num_bits: int) -> None:
    bits = np.random.default_rng(0).random(num_bits) < 0.5
    assert (from_text(to_text(bits)) == bits).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "base 10"), ("x:AA==", "base 10"), ("8:!!", "base64"), ("9:AA==", "9 bits")],
)
def test_other_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_text(text)
