"""What the check prints, line by line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from supernet.data.dataset import Data, load_data
from supernet.data.report import brief, report
from supernet.job.presets import PRESETS

RNG = np.random.default_rng(0)


def save(path: Path, width: int = 40, height: int = 30, orientation: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    pixels = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)


def lines_of(data: Data) -> list[str]:
    checked = data.check()
    data.exclude_damaged(checked)
    return list(report(data, checked))


def test_a_folder_is_described(tmp_path: Path) -> None:
    for i in range(20):
        save(tmp_path / "train" / "cat" / f"{i}.jpg")
        save(tmp_path / "test" / "dog" / f"{i}.jpg", width=300, height=400)
    for i in range(4):
        save(tmp_path / "train" / "dog" / f"{i}.jpg", orientation=6)
    copy = (tmp_path / "train" / "cat" / "0.jpg").read_bytes()
    (tmp_path / "train" / "cat" / "copy.jpg").write_bytes(copy)
    (tmp_path / "test" / "dog" / "x.jpg").write_bytes(b"damaged")
    assert lines_of(load_data(str(tmp_path), resolution=16)) == [
        "class      train  selection     report",
        "cat           19          2          0",
        "dog            3          1         20",
        "all           22          3         20",
        "few training images: dog",
        "",
        "1 image cannot be used:",
        "  test/dog/x.jpg: must be an image, but is in no format that is known",
        "",
        "shorter side: 30 to 300 px, median 30",
        "longer side: 40 to 400 px, median 40",
        "orientation: 4 of 45 stored sideways, taken upright",
        "copies: 1 image with the same content as another one",
        "recommended: --model wrn_16_2 --resolutions 32 28 24 20 --batch-size 4",
    ]


def test_a_training_is_told_in_one_line_what_was_found(tmp_path: Path) -> None:
    for i in range(20):
        save(tmp_path / "train" / "cat" / f"{i}.jpg")
        save(tmp_path / "test" / "dog" / f"{i}.jpg")
    for i in range(4):
        save(tmp_path / "train" / "dog" / f"{i}.jpg")
    assert brief(load_data(str(tmp_path), resolution=16)) == (
        f"{tmp_path}: 2 classes, 21 images to train on, 3 to select with, 20 to report on; fewest "
        "to train on: dog, 3"
    )


def test_what_is_no_file_has_classes_only() -> None:
    lines = lines_of(load_data("fashion-mnist-mini", resolution=16))
    assert lines[1].split() == ["T-shirt/top", "1,000", "500", "500"]
    assert lines[-1] == "sizes: unknown, for these images are not files"


@pytest.mark.parametrize(
    ("side", "model", "resolutions"),
    [
        (500, "mobilenet_v2 --weights imagenet", "224 192 160 128"),
        (200, "mobilenet_v2 --weights imagenet", "128 112 96 80 64"),
        (100, "mobilenet_v2 --weights imagenet", "96 80 64 48"),
        (20, "wrn_16_2", "32 28 24 20"),
    ],
)
def test_what_is_recommended_suits_the_photos(
    tmp_path: Path, side: int, model: str, resolutions: str
) -> None:
    for i in range(6):
        save(tmp_path / "train" / f"{i % 2}" / f"{i}.jpg", width=side, height=side + 9)
    lines = lines_of(load_data(str(tmp_path), resolution=16))
    assert lines[-1] == (f"recommended: --model {model} --resolutions {resolutions} --batch-size 4")


def test_what_is_recommended_is_what_the_preset_does(tmp_path: Path) -> None:
    """Its learning rate suits its batch size."""
    for i in range(160):
        save(tmp_path / "train" / f"{i % 2}" / f"{i}.jpg", width=150, height=150)
    job = PRESETS["finetune"]
    resolutions = " ".join(map(str, job.space.resolutions))
    assert lines_of(load_data(str(tmp_path), resolution=16))[-1] == (
        f"recommended: --model {job.model} --weights imagenet --resolutions {resolutions} "
        f"--batch-size {job.hyperparameters.batch_size}"
    )
