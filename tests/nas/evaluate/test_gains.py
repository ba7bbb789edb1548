from dataclasses import replace

import numpy as np
import pytest

from nas.evaluate.gains import Gains, Scored, choose_gains, gains_of
from planner import LookupTable

NUM_IMAGES = 2000


def scored(name: str, ms: float, believed: float, top1: float | None = None) -> Scored:
    """It is right on the first images, on `believed` of them; on those of `report` unless told."""
    return Scored(
        config_id=name,
        latency_p50_ms=ms,
        believed=believed,
        correct_on_selection=np.arange(NUM_IMAGES) < round(NUM_IMAGES * believed),
        correct=np.arange(NUM_IMAGES) < round(NUM_IMAGES * (believed if top1 is None else top1)),
    )


GRID = [scored("slim", 1.0, 0.8), scored("middle", 2.0, 0.85), scored("full", 4.0, 0.9)]


def pair(gains: Gains, name: str) -> tuple[str, str] | None:
    gain = getattr(gains, name)
    return gain and (gain.config_id, gain.grid_config_id)


def test_the_pairs_save_most_and_gain_most_by_what_is_believed() -> None:
    entries = [scored("a", 1.5, 0.85), scored("b", 2.5, 0.9), scored("c", 3.9, 0.91)]
    gains = choose_gains(entries, GRID, 0.01)
    assert pair(gains, "faster") == ("b", "full")
    assert gains.faster is not None
    assert gains.faster.saved == pytest.approx(0.375)
    # Beside the grid's best that is no slower: a gains 5 points over slim, b 5 and c 6 over middle.
    assert pair(gains, "higher") == ("c", "middle")


def test_images_of_report_tell_a_pair_and_do_not_choose_it() -> None:
    """`lucky` is better on `report` than `b`, but nothing believes so before."""
    entries = [scored("b", 2.5, 0.9, top1=0.86), scored("lucky", 2.0, 0.84, top1=0.95)]
    gains = choose_gains(entries, GRID, 0.01)
    assert pair(gains, "faster") == ("b", "full")
    assert gains.faster is not None
    assert gains.faster.difference.mean == pytest.approx(-0.04)
    assert not gains.faster.is_equal_shown


def test_equal_is_shown_to_a_margin_and_higher_above_nothing() -> None:
    same = choose_gains([scored("b", 2.5, 0.9)], GRID, 0.01).faster
    assert same is not None
    assert same.is_equal_shown
    assert not same.is_higher_shown
    better = choose_gains([scored("b", 3.0, 0.88)], GRID, 0.01).higher
    assert better is not None
    assert better.is_higher_shown


def test_a_config_that_the_grid_itself_beats_is_no_yardstick() -> None:
    beaten = scored("beaten", 9.0, 0.84)
    gains = choose_gains([scored("a", 1.9, 0.85)], [*GRID, beaten], 0.01)
    assert pair(gains, "faster") == ("a", "middle")


def test_what_noise_explains_is_no_gain_and_neither_is_what_is_not_believed() -> None:
    assert choose_gains([scored("a", 1.99, 0.84)], GRID, 0.01).faster is None
    assert choose_gains([scored("a", 1.99, 0.85)], GRID, 0.01).faster is None
    assert choose_gains([scored("a", 2.1, 0.84)], GRID, 0.01).higher is None
    assert choose_gains([], GRID, 0.01) == Gains(faster=None, higher=None)


@pytest.mark.parametrize(("num_images", "believed", "is_chosen"), [
    (300, 0.9, False),
    (300, 0.93, True),
    (5000, 0.9, True),
    (5000, 0.899, False),
])  # fmt: skip
def test_few_images_promise_no_equal_accuracy(
    num_images: int, believed: float, is_chosen: bool
) -> None:
    """The two disagree on 6 % of the images: of 300, that may be 2.3 points of luck."""
    images = np.arange(num_images)
    entry = replace(scored("b", 2.5, believed), correct_on_selection=images % 100 < 90)
    full = replace(GRID[-1], correct_on_selection=(images + 3) % 100 < 90)
    found = choose_gains([entry], [full], 0.01).faster
    assert (found is not None) == is_chosen


def test_a_table_keeps_them(table: LookupTable) -> None:
    assert gains_of(table) is None
    for entries in ([scored("b", 2.5, 0.9)], []):
        gains = choose_gains(entries, GRID, 0.01)
        kept = replace(table, provenance={**table.provenance, "gains": gains.to_json()})
        assert gains_of(kept) == gains
