from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nas.measure.pipeline import Pipeline, photo_file, photo_parameters
from planner import InvalidValue, LookupTable, preprocess


class Noted:
    """A network that keeps what it is given."""

    def __init__(self, table: LookupTable) -> None:
        self.given: list[NDArray[Any]] = []
        self.num_classes = len(table.supernet["class_names"])

    def run(self) -> None:
        raise AssertionError("it would run on noise")

    def logits(self, images: NDArray[Any]) -> NDArray[Any]:
        self.given.append(images)
        return np.zeros((len(images), self.num_classes), np.float32)


def test_the_network_gets_the_prepared_photo(table: LookupTable) -> None:
    entry, network = table.entries[0], Noted(table)
    with photo_file(None) as photo:
        Pipeline(table, entry, network, photo).run()
        expected = preprocess(table, [photo], entry.config.resolution)
    np.testing.assert_array_equal(network.given[0], expected)


def test_the_typical_photo_is_as_large_as_a_photograph() -> None:
    with photo_file(None) as photo:
        facts = photo_parameters(photo)
        with Image.open(photo) as image:
            assert image.convert("L").resize((8, 8)).getextrema() != (0, 0)
    assert facts["photo"] == "JPEG 1920 x 1080"
    assert 200_000 < int(facts["photo_bytes"]) < 2_000_000
    assert not photo.exists()
    with photo_file(Path("mine.png")) as photo:
        assert photo == Path("mine.png")


def test_what_is_no_photo_is_refused(table: LookupTable, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_text("no photo")
    with pytest.raises(InvalidValue, match=r"x.jpg must be an image"):
        Pipeline(table, table.entries[0], Noted(table), tmp_path / "x.jpg").run()
