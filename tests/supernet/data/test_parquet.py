"""Files as `datasets` writes them: `Dataset.to_parquet` and `push_to_hub`."""

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from supernet.data.dataset import load_data
from supernet.data.parquet import is_parquet, load_parquet
from supernet.errors import DataError

pa = pytest.importorskip("pyarrow", reason="pyarrow (the extra parquet) is not installed")
pq = pytest.importorskip("pyarrow.parquet")

FEATURES = {
    "image": {"_type": "Image"},
    "label": {"names": ["cat", "dog"], "_type": "ClassLabel"},
}
LABEL = {"_type": "ClassLabel", "names": ["a", "b"]}


def photo(red: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (9, 7), (red, 0, 0)).save(file, kind)
    return file.getvalue()


def write(
    file: Path,
    images: list[Any],
    labels: list[Any],
    *,
    features: dict[str, Any] | None = FEATURES,
    columns: tuple[str, str] = ("image", "label"),
) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = {
        columns[0]: [{"bytes": each, "path": f"{i}.png"} for i, each in enumerate(images)],
        columns[1]: labels,
    }
    table = pa.table(rows)
    if features is not None:
        about = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": about})
    pq.write_table(table, file, row_group_size=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository of the hub: two files of `train`, one of `validation`."""
    for number in range(2):
        reds = range(10 * number, 10 * number + 10)
        write(
            tmp_path / "data" / f"train-0000{number}-of-00002.parquet",
            [photo(red) for red in reds],
            [red % 2 for red in reds],
        )
    held_out = range(20, 24)
    write(
        tmp_path / "data" / "validation-00000-of-00001.parquet",
        [photo(red) for red in held_out],
        [red % 2 for red in held_out],
    )
    (tmp_path / "README.md").write_text("---\n")
    return tmp_path


@pytest.mark.parametrize("place", [".", "data"])
def test_rows_are_read_in_order_with_the_names_of_their_classes(folder: Path, place: str) -> None:
    assert is_parquet(folder / place)
    images = load_parquet(folder / place)
    assert images.classes == ("cat", "dog")
    assert images.labels.tolist() == [red % 2 for red in range(24)]
    assert images.official == {"train": range(20), "report": range(20, 24)}
    assert images.may_halve
    assert images.names[11] == "train-00001-of-00002.parquet/1"
    for index in (23, 0, 11, 12, 5):
        assert images.read(index).getpixel((0, 0)) == (index, 0, 0)
    assert images.notes == ()


def test_it_is_data_like_other_data(folder: Path) -> None:
    data = load_data(str(folder), resolution=8)
    data.exclude_damaged(data.check())
    recorded = data.describe()
    assert recorded["splits"]["train"]["content"]
    pixels = {int(x[0].amax()) for x, _ in data.batches("train", batch_size=1)}
    assert len(pixels) == data.num_images["train"]
    folder.rename(folder.with_name(f"{folder.name}-moved"))
    moved = folder.with_name(f"{folder.name}-moved")
    load_data(str(moved), resolution=8).check_same(recorded)
    file = moved / "data" / "train-00000-of-00002.parquet"
    write(file, [photo(99) for _ in range(10)], [red % 2 for red in range(10)])
    with pytest.raises(DataError, match="must hold the photos of the run, but some have changed"):
        load_data(str(moved), resolution=8).check_same(recorded)


def test_no_more_stays_in_memory_than_is_allowed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supernet.data.parquet.MAX_BYTES_KEPT", 2 * 3 * len(photo(0)))
    images = load_parquet(folder)
    (note,) = images.notes
    assert "WebDataset shards (train-*.tar) are read faster" in note
    assert images.content is not None
    kept = images.content.__self__.kept  # type: ignore[attr-defined]
    for index in (*range(24), 0):
        assert images.read(index).getpixel((0, 0)) == (index, 0, 0)
        assert len(kept) <= 3


def test_damaged_rows_are_told_and_rows_without_a_label_skipped(folder: Path) -> None:
    test = [photo(1), photo(2), b"junk", None]
    write(folder / "data" / "test-00000-of-00001.parquet", test, [-1, None, 1, 0])
    images = load_parquet(folder)
    assert any("skipped 2 images, such as" in note and "no label" in note for note in images.notes)
    assert images.official["report"] == range(24, 26)
    data = load_data(str(folder), resolution=8)
    problems = {name: each.problem for name, each in data.check().items() if each.problem}
    assert problems == {
        "test-00000-of-00001.parquet/2": "must be an image, but is in no format that is known",
        "test-00000-of-00001.parquet/3": "must be in the parquet file, but only its path is",
    }


@pytest.mark.parametrize(
    ("labels", "features", "columns", "classes"),
    [
        ([0, 1, 0, 1], None, ("image", "label"), ("0", "1")),
        (["no", "yes", "no", "yes"], None, ("img", "class"), ("no", "yes")),
        ([0, 1, 0, 1], {"jpg": {"_type": "Image"}, "kind": LABEL}, ("jpg", "kind"), ("a", "b")),
        ([0, 1, 0, 1], {"image": 3}, ("image", "label"), ("0", "1")),
    ],
)
def test_columns_are_found(
    tmp_path: Path,
    labels: list[Any],
    features: dict[str, Any] | None,
    columns: tuple[str, str],
    classes: tuple[str, ...],
) -> None:
    images = [photo(red) for red in range(4)]
    write(tmp_path / "train.parquet", images, labels, features=features, columns=columns)
    found = load_parquet(tmp_path)
    assert found.classes == classes
    assert [found.classes[label] for label in found.labels.tolist()] == [
        classes[i % 2] for i in range(4)
    ]


@pytest.mark.parametrize(
    ("name", "labels", "columns", "words"),
    [
        ("train.parquet", [0, 5], ("image", "label"), "one is 5"),
        ("train.parquet", [0.5, 1.0], ("image", "label"), "row 0 must have a number or text"),
        ("train.parquet", [0, 1], ("image", "about"), "one column of classes, .* but has none"),
        ("train.parquet", [0, 1], ("pixels", "label"), "one column of images, .* but has none"),
        ("0000.parquet", [0, 1], ("image", "label"), "in train-.*, but has none there: name"),
        ("val.parquet", [0, 1], ("image", "label"), "in train-.*, but has none there: name"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    tmp_path: Path, name: str, labels: list[Any], columns: tuple[str, str], words: str
) -> None:
    write(tmp_path / name, [photo(1), photo(2)], labels, features=None, columns=columns)
    with pytest.raises(DataError, match=words):
        load_data(str(tmp_path), resolution=8)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (tmp_path / "train-0.parquet").write_text(pointer)
    with pytest.raises(DataError, match=r"train-0.parquet: must be a parquet file, but "):
        load_data(str(tmp_path), resolution=8)


def test_a_file_that_is_damaged_within_is_named_or_its_images_are(folder: Path) -> None:
    file = folder / "data" / "train-00000-of-00002.parquet"
    whole = file.read_bytes()
    for start in range(4, len(whole) - 8, len(whole) // 25):
        file.write_bytes(whole[:start] + b"\xff" * 40 + whole[start + 40 :])
        with contextlib.suppress(DataError):
            data = load_data(str(folder), resolution=8)
            data.exclude_damaged(data.check(), tell=lambda line: None)
            assert data.num_images["train"] > 0


def test_what_is_missing_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match=r"not installed: pip install 'mutualnas\[parquet\]'"):
        load_parquet(folder)


def test_folders_of_images_beside_are_read_instead(folder: Path) -> None:
    (folder / "train").mkdir()
    assert not is_parquet(folder)
