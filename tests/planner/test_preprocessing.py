"""Against the supernet's own evaluation: the same photos, read from the same files."""

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image

from planner import InvalidValue, LookupTable, Preprocessing
from planner.schema import check_all
from supernet import load_data
from supernet.evaluate.accuracy import Images

STEPS = Preprocessing(crop_resolution=20)
NewTable = Callable[..., LookupTable]


def photo(width: int, height: int, mode: str = "RGB", seed: int = 0) -> Image.Image:
    generator = np.random.default_rng([width, height, seed])
    coarse = generator.integers(0, 256, (5, 6, 4), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height)).convert("RGB").convert(mode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photos of all kinds: tall, wide, small, turned, grey, with a palette, transparent."""
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            part = tmp_path / split / name
            part.mkdir(parents=True)
            for number in range(40):
                photo(30, 30, seed=number).save(part / f"{number}.png")
            for number in range(1, 9):
                exif = Image.Exif()
                exif[ExifTags.Base.Orientation] = number
                photo(50, 31, seed=number).save(part / f"turned{number}.jpg", exif=exif)
            photo(9, 14).save(part / "small.png")
            photo(300, 90).save(part / "wide.jpg")
            photo(33, 71, "L").save(part / "grey.jpg")
            photo(64, 64, "P").save(part / "palette.png")
            photo(40, 41, "RGBA").save(part / "transparent.png")
            photo(41, 40, "CMYK").save(part / "cmyk.jpg")
    return tmp_path


def test_it_equals_evaluations_to_the_pixel(folder: Path) -> None:
    data = load_data(str(folder), resolution=20, tell=lambda _: None)
    images = Images(data, torch.device("cpu"))
    num_compared = 0
    for resolution in (20, 16, 12):
        batches = [pixels for pixels, _ in images.pixels("report", resolution)]
        scored = torch.cat(batches).numpy()
        names = [data._images.names[i] for i in data.splits["report"].tolist()]
        for name, expected in zip(names, scored, strict=True):
            ours = STEPS.pixels(folder / name, resolution)
            np.testing.assert_array_equal(ours, expected, err_msg=name)
            num_compared += 1
    assert num_compared > 60


def test_files_images_and_arrays_are_the_same(tmp_path: Path) -> None:
    image = photo(31, 25)
    image.save(tmp_path / "photo.png")
    expected = STEPS.pixels(image, 16)
    assert expected.shape == (16, 16, 3)
    assert expected.dtype == np.uint8
    array: NDArray[np.uint8] = np.asarray(image)
    for same in (tmp_path / "photo.png", str(tmp_path / "photo.png"), array):
        np.testing.assert_array_equal(STEPS.pixels(same, 16), expected)


def test_a_table_keeps_it(new_table: NewTable, table: LookupTable, tmp_path: Path) -> None:
    said = new_table(supernet={**table.supernet, "preprocessing": STEPS.to_json()})
    check_all(said.to_json())
    said.write(tmp_path / "table.json")
    assert LookupTable.read(tmp_path / "table.json").preprocessing == STEPS
    assert table.preprocessing is None


@pytest.mark.parametrize("change", [{"resize": "nearest"}, {"crop_resolution": 0}, {"more": 1}])
def test_other_steps_are_refused_rather_than_done_wrongly(
    new_table: NewTable, table: LookupTable, change: dict[str, Any]
) -> None:
    with pytest.raises(InvalidValue, match=r"`supernet\.preprocessing"):
        new_table(supernet={**table.supernet, "preprocessing": STEPS.to_json() | change})


def test_what_is_no_photo_is_one_line_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not an image")
    photo(20, 20, "L").convert("I").save(tmp_path / "deep.tif")
    with pytest.raises(InvalidValue, match=r"text\.jpg must be an image") as error:
        STEPS.pixels(tmp_path / "text.jpg", 8)
    assert "\n" not in str(error.value)
    with pytest.raises(InvalidValue, match=r"deep\.tif must .* its mode is I"):
        STEPS.pixels(tmp_path / "deep.tif", 8)
    with pytest.raises(InvalidValue, match=r"absent\.png must be a file, but there is none"):
        STEPS.pixels(tmp_path / "absent.png", 8)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros((4, 4, 3)), r"got: float64 \(4, 4, 3\), not uint8 \(height"),
        (np.zeros((1, 3, 4, 4), np.uint8), r"got: uint8 \(1, 3, 4, 4\), not uint8 \(height"),
        (np.zeros((4, 4, 4), np.uint8), r"got: uint8 \(4, 4, 4\), not uint8 \(height"),
        (np.zeros((0, 4, 3), np.uint8), "got: it has no pixels"),
        (Image.new("RGB", (4, 0)), "got: it has no pixels"),
        (b"bytes", "got: a bytes, which is neither a path"),
        (["photo.jpg"], "got: a list, which is neither a path"),
        (None, "got: a NoneType, which is neither a path"),
    ],
)
def test_what_holds_no_photo_is_one_line_that_says_what_it_is(given: Any, words: str) -> None:
    with pytest.raises(InvalidValue, match=f"the photo must be an image.* {words}") as error:
        STEPS.pixels(given, 8)
    assert "\n" not in str(error.value)


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    importing = builtins.__import__

    def without_pillow(name: str, *rest: Any, **named: Any) -> Any:
        if name == "PIL":
            raise ImportError("No module named 'PIL'", name="PIL")
        return importing(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_pillow)
    with pytest.raises(InvalidValue, match=r"PIL must be installed: pip install 'mutualnas\[runt"):
        STEPS.pixels("photo.png", 8)
