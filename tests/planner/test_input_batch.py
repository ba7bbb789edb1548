from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planner import InvalidValue, LookupTable, Preprocessing, preprocess

NewTable = Callable[..., LookupTable]


def test_a_batch_holds_the_photos_in_order(new_table: NewTable, table: LookupTable) -> None:
    steps = Preprocessing(crop_resolution=20)
    said = new_table(supernet={**table.supernet, "preprocessing": steps.to_json()})
    photos = [np.full((30, 40, 3), level, np.uint8) for level in (7, 200)]
    batch = preprocess(said, photos, 12)
    assert batch.shape == (2, 12, 12, 3)
    assert batch.dtype == np.uint8
    np.testing.assert_array_equal(batch[1], steps.pixels(photos[1], 12))


def test_no_photos_are_refused(new_table: NewTable, table: LookupTable) -> None:
    steps = Preprocessing(crop_resolution=20)
    said = new_table(supernet={**table.supernet, "preprocessing": steps.to_json()})
    with pytest.raises(InvalidValue, match="at least one photo"):
        preprocess(said, [], 12)


def test_an_old_table_does_not_know(table: LookupTable) -> None:
    assert table.preprocessing is None
    with pytest.raises(InvalidValue, match=r"must say how photos are prepared.*search again"):
        preprocess(table, [np.zeros((30, 30), np.uint8)], 12)


@pytest.mark.parametrize(
    ("photos", "resolution", "words"),
    [
        ("photo.jpg", 12, "`photos` must be several, such as \\[photo\\], but got 'photo.jpg'"),
        (Path("photo.jpg"), 12, "must be several"),
        (3, 12, "must be several, .* but got 3"),
        (np.zeros((30, 20, 3), np.uint8), 12, r"but got pixels \(30, 20, 3\)"),
        ([np.zeros((30, 20, 3), np.uint8)], 0, "`resolution` must be 1 or more, but got 0"),
        ([np.zeros((30, 20, 3), np.uint8)], 12.5, "`resolution` must be 1 or more, but got 12.5"),
    ],
)
def test_what_is_no_batch_is_one_line(
    table: LookupTable, new_table: NewTable, photos: Any, resolution: Any, words: str
) -> None:
    steps = Preprocessing(crop_resolution=16)
    said = new_table(supernet={**table.supernet, "preprocessing": steps.to_json()})
    with pytest.raises(InvalidValue, match=words):
        preprocess(said, photos, resolution)
    assert preprocess(said, np.zeros((2, 30, 20, 3), np.uint8), 12).shape == (
        2,
        12,
        12,
        3,
    )
