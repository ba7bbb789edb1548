from collections.abc import Callable

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
