"""Images are decoded before the work: what is damaged, what is remembered, what is the same."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import webdataset
from PIL import ExifTags, Image

from supernet.data import check as check_module
from supernet.data.check import cache_of, check_images, duplicates
from supernet.data.folders import load_folder
from supernet.data.shards import load_shards
from supernet.data.sources import ImageSet, load_embedded
from supernet.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def encoded(kind: str, mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(file, kind, **options)
    return file.getvalue()


def folder_of(root: Path, *contents: bytes, suffix: str = "jpg") -> ImageSet:
    for name in ("cat", "dog"):
        (root / "train" / name).mkdir(parents=True, exist_ok=True)
        (root / "train" / name / f"z.{suffix}").write_bytes(encoded("png"))
    for i, content in enumerate(contents):
        (root / "train" / "cat" / f"{i:03}.{suffix}").write_bytes(content)
    return load_folder(root)


def readable(images: ImageSet, index: int) -> bool:
    try:
        images.read(index)
    except DataError:
        return False
    return True


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "gif", "bmp", "tiff"])
def test_what_the_check_finds_is_what_a_training_would(tmp_path: Path, kind: str) -> None:
    """Files cut off anywhere, with bytes changed, and filled with others."""
    whole, rng = encoded(kind), np.random.default_rng(0)
    contents = [whole[:size] for size in np.linspace(0, len(whole), 20, dtype=int)]
    for _ in range(20):
        changed = bytearray(whole)
        changed[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        contents.append(bytes(changed))
    contents += [b"<html>", b"\0" * 1000, rng.bytes(1000), encoded("png"), whole + b"more"]
    images = folder_of(tmp_path, *contents)
    checked = check_images(images, range(len(images.names)))
    found = {name for name, each in checked.items() if each.problem}
    assert found == {name for i, name in enumerate(images.names) if not readable(images, i)}
    assert 10 <= len(found) < len(contents)
    for each in checked.values():
        assert "\n" not in each.problem
        assert len(each.problem) < 150


def test_modes_that_training_refuses_are_found(tmp_path: Path) -> None:
    deep = io.BytesIO()
    Image.new("I;16", (8, 8), 40_000).save(deep, "png")
    modes = [encoded("png", mode) for mode in ("L", "RGBA", "P", "1", "LA")]
    contents = [*modes, encoded("jpeg", "CMYK"), encoded("jpeg", "L"), deep.getvalue()]
    images = folder_of(tmp_path, *contents)
    checked = list(check_images(images, range(8)).values())
    assert [bool(each.problem) for each in checked] == [False] * 7 + [True]
    assert "must have 8 bits per channel" in checked[7].problem


def test_sizes_and_orientations_are_known(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    images = folder_of(tmp_path, encoded("jpeg", exif=exif), encoded("jpeg"))
    first, second = check_images(images, range(2)).values()
    assert (first.width, first.height, first.orientation) == (60, 40, 6)
    assert (second.width, second.height, second.orientation) == (60, 40, 1)
    assert len({first.digest, second.digest}) == 2


def test_a_bomb_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60 * 40 // 3)
    images = folder_of(tmp_path, encoded("png"))
    (problem,) = (each.problem for each in check_images(images, [0]).values())
    assert problem.startswith("must have fewer pixels")
    assert problem.endswith("resize or remove it")
    with pytest.raises(DataError, match=r"000\.jpg: must have fewer pixels"):
        images.read(0)


def test_only_new_and_changed_files_are_decoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = folder_of(tmp_path / "data", encoded("jpeg"), b"damaged")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache = cache_of(str(tmp_path / "data"))
    assert cache.is_relative_to(tmp_path / "cache")
    before = sorted(path.name for path in (tmp_path / "data").rglob("*"))
    first = check_images(images, range(4), cache)
    decoded: list[int] = []
    check = check_module._check

    def counting(images: ImageSet, index: int) -> object:
        decoded.append(index)
        return check(images, index)

    monkeypatch.setattr(check_module, "_check", counting)
    assert check_images(images, range(4), cache) == first
    assert decoded == []
    cache.write_bytes(cache.read_bytes() + b'["cut off by a ki')
    images = folder_of(tmp_path / "data", encoded("jpeg"), b"damaged otherwise", encoded("png"))
    second = check_images(images, range(5), cache)
    assert {images.names[i] for i in decoded} >= {f"train/cat/00{i}.jpg" for i in (1, 2)}
    assert second[images.names[0]] == first[images.names[0]]
    assert [bool(second[name].problem) for name in images.names] == [
        False,
        True,
        False,
        False,
        False,
    ]
    left = sorted(path.name for path in (tmp_path / "data").rglob("*"))
    assert left == sorted([*before, "002.jpg"])  # nothing else is written there


@pytest.mark.parametrize("name", ['a", "b', "a\\", "caf\u00e9", '"', "x\ty", "a\u2028b"])
def test_any_name_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    images = folder_of(tmp_path, encoded("jpeg"))
    (tmp_path / "train" / "cat" / "000.jpg").rename(tmp_path / "train" / "cat" / f"{name}.jpg")
    images = load_folder(tmp_path)
    first = check_images(images, range(3), tmp_path / "cache.jsonl")
    monkeypatch.setattr(check_module, "_check", None)  # not called again
    assert check_images(images, range(3), tmp_path / "cache.jsonl") == first


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    images = folder_of(tmp_path, encoded("jpeg"))
    (tmp_path / "file").write_bytes(b"in the way")
    for cache in (tmp_path / "file" / "cache.jsonl", tmp_path):
        assert len(check_images(images, range(3), cache)) == 3


def test_a_cache_of_another_version_is_passed_over(tmp_path: Path) -> None:
    images, cache = folder_of(tmp_path, encoded("jpeg")), tmp_path / "cache.jsonl"
    expected = check_images(images, range(3))
    for line in ("[]", "{}", "3", json.dumps(["train/cat/000.jpg", "", 1]), '["a", "b"]'):
        cache.write_text(f"{line}\n")
        assert check_images(images, range(3), cache) == expected


def test_the_same_folder_has_one_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("photos")
    given = [str(tmp_path / "photos"), "photos", "photos/", "./photos/../photos", "link"]
    assert len({cache_of(name) for name in given}) == 1


def test_a_file_that_vanishes_is_a_problem_like_others(tmp_path: Path) -> None:
    images = folder_of(tmp_path, encoded("jpeg"))
    (tmp_path / images.names[0]).unlink()
    (found,) = check_images(images, [0], tmp_path / "cache").values()
    assert "must be an image" in found.problem


def test_images_in_shards_are_checked_too(tmp_path: Path) -> None:
    with webdataset.TarWriter(str(tmp_path / "train-0.tar"), encoder=False) as writer:
        for i in range(5):
            content = encoded("png") if i < 4 else encoded("png")[:500]
            writer.write({"__key__": f"{i}", "png": content, "cls": b"0"})
    images = load_shards(tmp_path)
    for _ in range(2):
        checked = check_images(images, range(5), tmp_path / "cache.jsonl")
        assert [bool(each.problem) for each in checked.values()] == [False] * 4 + [True]


def test_what_is_no_file_is_passed_over() -> None:
    assert check_images(load_embedded(), range(5)) == {}


def test_duplicates_are_images_with_the_same_content(tmp_path: Path) -> None:
    images = folder_of(tmp_path, encoded("jpeg"), encoded("webp"), encoded("jpeg"))
    checked = check_images(images, range(3))
    first, other, same = images.names[:3]
    splits = {"train": [first], "selection": [other], "report": [same, other]}
    assert duplicates(splits, checked) == [
        f"1 of 2 images of report are also in train, such as {same} = {first}: accuracies will be "
        "too high",
        f"1 of 2 images of report are also in selection, such as {other} = {other}: accuracies will"
        " be too high",
    ]
