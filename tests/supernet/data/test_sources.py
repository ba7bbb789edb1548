import io
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageOps

from supernet.data.folders import load_folder
from supernet.data.jpeg import BILINEAR
from supernet.data.sources import EMBEDDED_FILE, load_embedded
from supernet.errors import DataError

TRAIN_SHA256 = "36c32c0e4da075a00f7cf183d6a4a9b7143a904e0320d44924a679c7c60790ac"


def save(path: Path, mode: str = "RGB", colour: int | tuple[int, ...] = (10, 20, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (8, 6), colour).save(path)


def make_folder(root: Path, *parts: str) -> Path:
    for part in ("train", *parts):
        for name in ("cat", "dog"):
            for i in range(3):
                save(root / part / name / f"{i}.png")
    return root


def test_the_embedded_set_is_balanced_and_as_large_as_it_says() -> None:
    images = load_embedded()
    assert {split: len(part) for split, part in images.official.items()} == {
        "train": 10_000,
        "selection": 5_000,
        "report": 5_000,
    }
    for part in images.official.values():
        counts = torch.bincount(images.labels[part.start : part.stop])
        assert counts.tolist() == [len(part) // 10] * 10
    assert images.classes[0] == "T-shirt/top"
    assert images.classes[9] == "Ankle boot"
    assert images.read(0).size == (28, 28)
    assert EMBEDDED_FILE.stat().st_size <= 9_000_000


def test_the_official_test_images_are_halved_and_nothing_is_in_two_splits() -> None:
    with np.load(EMBEDDED_FILE, allow_pickle=False) as arrays:
        train = arrays["train_indices"]  # into the official training images
        assert len(np.unique(train)) == 10_000
        assert train.max() < 60_000
        halves = np.concatenate([arrays["selection_indices"], arrays["report_indices"]])
        assert np.sort(halves).tolist() == list(range(10_000))


def test_what_is_trained_on_stays_what_it_was() -> None:
    """Figures that were measured before the other splits grew are of the same supernets."""
    digest = sha256()
    with np.load(EMBEDDED_FILE, allow_pickle=False) as arrays:
        for part in ("images", "labels", "indices"):
            digest.update(arrays[f"train_{part}"].tobytes())
    assert digest.hexdigest() == TRAIN_SHA256


def test_the_licence_lies_beside_the_embedded_set() -> None:
    text = (EMBEDDED_FILE.parent / "LICENSE.fashion-mnist").read_text(encoding="ascii")
    assert "Copyright (c) 2017 Zalando SE" in text
    assert "Permission is hereby granted, free of charge" in text


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK", "LA"])
def test_every_8_bit_image_becomes_rgb(tmp_path: Path, mode: str) -> None:
    make_folder(tmp_path)
    suffix = "jpg" if mode == "CMYK" else "png"
    source = Image.new("RGB", (8, 6), (255, 255, 255)).convert(mode)
    source.save(tmp_path / "train" / "cat" / f"0a.{suffix}")
    images = load_folder(tmp_path)
    image = images.read(images.names.index(f"train/cat/0a.{suffix}"))
    assert image.mode == "RGB"
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_a_16_bit_image_is_refused_rather_than_clipped(tmp_path: Path) -> None:
    make_folder(tmp_path)
    save(tmp_path / "train" / "cat" / "0.png", "I;16", 40_000)
    with pytest.raises(DataError, match=r"train/cat/0\.png: must have 8 bits .* I;16"):
        load_folder(tmp_path).read(0)


@pytest.mark.parametrize("content", [b"", b"not an image", None])
def test_a_damaged_image_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = make_folder(tmp_path) / "train" / "cat" / "0.png"
    if content is None:  # cut off in the middle
        noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        content = path.read_bytes()[:2000]
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"train/cat/0\.png: must be an image") as caught:
        load_folder(tmp_path).read(0)
    assert "\n" not in str(caught.value)


PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8))
# What a camera stores for each EXIF orientation: the inverse of what shows it upright.
STORED = {
    1: PHOTO,
    2: ImageOps.mirror(PHOTO),
    3: PHOTO.rotate(180),
    4: ImageOps.flip(PHOTO),
    5: PHOTO.transpose(Image.Transpose.TRANSPOSE),
    6: PHOTO.transpose(Image.Transpose.ROTATE_90),
    7: PHOTO.transpose(Image.Transpose.TRANSVERSE),
    8: PHOTO.transpose(Image.Transpose.ROTATE_270),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["png", "webp", "tiff"])
def test_photos_are_upright(tmp_path: Path, orientation: int, kind: str) -> None:
    path = make_folder(tmp_path) / "train" / "cat" / f"0a.{kind}"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    STORED[orientation].save(path, exif=exif, lossless=True)
    images = load_folder(tmp_path)
    for _ in range(2):
        image = images.read(images.names.index(f"train/cat/0a.{kind}"))
        np.testing.assert_array_equal(np.asarray(image), np.asarray(PHOTO))


def test_a_camera_s_jpeg_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    wide = Image.new("RGB", (80, 40), (255, 0, 0))
    wide.paste((0, 0, 255), (40, 0, 80, 40))
    wide.save(make_folder(tmp_path) / "train" / "cat" / "0a.jpg", exif=exif)
    images = load_folder(tmp_path)
    image = images.read(images.names.index("train/cat/0a.jpg"))
    assert image.size == (40, 80)
    assert image.getpixel((20, 20))[0] > 200 > 50 > image.getpixel((20, 60))[0]  # type: ignore[index]


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0no exif", b"Exif\0\0MM\0*\xff\xff", b"II*\0\x08\0\0\0\x01"]
)
def test_damaged_exif_data_is_passed_over(tmp_path: Path, exif: bytes) -> None:
    PHOTO.save(make_folder(tmp_path) / "train" / "cat" / "0a.png", exif=exif)
    images = load_folder(tmp_path)
    image = images.read(images.names.index("train/cat/0a.png"))
    np.testing.assert_array_equal(np.asarray(image), np.asarray(PHOTO))


def part(width: int, height: int) -> tuple[float, float, float, float]:
    return width // 4, 0, width, height // 2


@pytest.mark.parametrize("kind", ["png", "webp", "jpg"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_part_of_an_image_is_resized(tmp_path: Path, kind: str, mode: str) -> None:
    path = make_folder(tmp_path) / "train" / "cat" / f"0a.{kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    photo = PHOTO.resize((80, 60)).convert(mode if kind == "jpg" or mode == "L" else "RGB")
    photo.save(path)
    images = load_folder(tmp_path)
    index = images.names.index(f"train/cat/0a.{kind}")
    square = images.square(index, part, 50)
    assert square.shape == (50, 50, 3)
    assert square.dtype == np.uint8
    plain = images.read(index).resize((50, 50), Image.Resampling.BILINEAR, box=(20, 0, 80, 30))
    assert np.abs(square.astype(int) - np.asarray(plain)).mean() < 1


def outcome(decode: Callable[[int], Any], index: int) -> Any:
    """What decoding an image gives, or why there is nothing."""
    try:
        return decode(index)
    except DataError as error:
        return str(error)


def test_parts_of_damaged_photos_are_those_of_whole_ones(tmp_path: Path) -> None:
    """What `read` refuses has no parts either, with the same words; what it copes with has."""
    whole, rng = io.BytesIO(), np.random.default_rng(0)
    PHOTO.resize((60, 40)).save(whole, "jpeg", quality=90)
    content, folder = whole.getvalue(), make_folder(tmp_path) / "train" / "cat"
    contents = [content[:size] for size in np.linspace(0, len(content), 30, dtype=int)]
    for _ in range(200):
        changed = bytearray(content)
        limit = len(content) if rng.random() < 0.5 else 700  # half of them in the header
        changed[rng.integers(limit)] ^= 1 << int(rng.integers(8))
        contents.append(bytes(changed))
    contents += [content[:300] + b"\0\0" + content[300:], content + b"more", b"\xff\xd8\xff"]
    for number, each in enumerate(contents):
        (folder / f"a{number:03}.jpg").write_bytes(each)
    images = load_folder(tmp_path)
    num_refused = 0
    for index, name in enumerate(images.names):
        expected = outcome(lambda i: images.read(i).resize((20, 20), BILINEAR), index)
        found = outcome(lambda i: images.square(i, lambda *size: (0, 0, *size), 20), index)
        if isinstance(expected, str):
            num_refused += 1
            assert found == expected, name
        else:
            assert np.abs(np.asarray(expected).astype(int) - found).mean() < 8, name
    assert 30 < num_refused < len(contents)


def test_a_photo_that_is_gone_has_no_parts(tmp_path: Path) -> None:
    path = make_folder(tmp_path) / "train" / "cat" / "0a.jpg"
    PHOTO.save(path)
    images = load_folder(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"0a\.jpg: must be an image"):
        images.square(images.names.index("train/cat/0a.jpg"), part, 20)
