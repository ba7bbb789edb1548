"""Folders of photos as people leave them."""

import os
import shutil
import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image

from supernet.data.dataset import load_data
from supernet.data.folders import load_folder
from supernet.errors import DataError


def save(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6), (10, 20, 30)).save(path)


def make_folder(root: Path, *parts: str) -> Path:
    for part in ("train", *parts):
        for name in ("cat", "dog"):
            for i in range(3):
                save(root / part / name / f"{i}.png")
    return root


def test_a_folder_is_sorted_and_named_by_relative_path(tmp_path: Path) -> None:
    images = load_folder(make_folder(tmp_path, "val"))
    assert images.classes == ("cat", "dog")
    assert images.names[:4] == [*(f"train/cat/{i}.png" for i in range(3)), "train/dog/0.png"]
    assert images.official == {"train": range(6), "report": range(6, 12)}
    assert images.labels.tolist() == [0, 0, 0, 1, 1, 1] * 2


@pytest.mark.parametrize(
    ("parts", "official"),
    [
        ((), {"train": range(6)}),
        (("test",), {"train": range(6), "report": range(6, 12)}),
        (
            ("val", "test"),
            {"train": range(6), "selection": range(6, 12), "report": range(12, 18)},
        ),
    ],
)
def test_held_out_folders_are_used_as_named(
    tmp_path: Path, parts: tuple[str, ...], official: dict[str, range]
) -> None:
    images = load_folder(make_folder(tmp_path, *parts))
    assert images.official == official
    if "test" in parts:
        assert images.names[-1] == "test/dog/2.png"


def test_a_class_missing_from_val_does_not_shift_the_other_labels(tmp_path: Path) -> None:
    make_folder(tmp_path)
    save(tmp_path / "val" / "dog" / "0.png")
    assert load_folder(tmp_path).labels[-1] == 1


def test_folders_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must be a folder with train/<class>/"):
        load_folder(tmp_path)
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="must hold one folder a class"):
        load_folder(tmp_path)
    make_folder(tmp_path)
    save(tmp_path / "val" / "bird" / "0.png")
    with pytest.raises(DataError, match=r"every class must be in train/ too, not 'bird'"):
        load_folder(tmp_path)


@pytest.mark.parametrize("given", [".", "a/..", "../{}", "{}/"])
def test_names_are_within_the_folder_however_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    (make_folder(tmp_path, "val") / "a").mkdir()
    monkeypatch.chdir(tmp_path.parent if given == "{}/" else tmp_path)
    images = load_folder(Path(given.format(tmp_path.name)))
    assert images.names[0] == "train/cat/0.png"
    assert images.read(11).size == (8, 6)


@pytest.mark.parametrize("train", ["train", "Train", "TRAINING"])
@pytest.mark.parametrize("val", ["val", "valid", "Validation", "dev", "Eval", "evaluation"])
@pytest.mark.parametrize("test", ["test", "Testing"])
def test_splits_in_their_usual_spellings(tmp_path: Path, train: str, val: str, test: str) -> None:
    make_folder(tmp_path, val, test)
    (tmp_path / "train").rename(tmp_path / train)
    images = load_folder(tmp_path)
    assert images.official == {
        "train": range(6),
        "selection": range(6, 12),
        "report": range(12, 18),
    }
    assert [images.names[i] for i in (0, 6, 12)] == [f"{x}/cat/0.png" for x in (train, val, test)]
    assert images.notes == ()


def test_two_folders_for_one_split_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one folder of each split, but has 'val' and 'valid'"):
        load_folder(make_folder(tmp_path, "val", "valid"))
    with pytest.raises(DataError, match=r"but has 'eval' and 'validation': merge or rename them"):
        load_folder(make_folder(tmp_path / "b", "eval", "validation"))


def test_a_name_that_breaks_lines_breaks_none(tmp_path: Path) -> None:
    make_folder(tmp_path)
    for name in ("a\nb.txt", "c\r.\x1b[2J", "d\u2028\x85.heic"):
        (tmp_path / "train" / "cat" / name).write_bytes(b"")
    save(tmp_path / "train" / "e\nf" / "0\n.png")
    images = load_folder(tmp_path)
    assert len(images.notes) == 3
    assert all(note.isprintable() for note in images.notes)
    assert any("train/cat/a\\nb.txt" in note for note in images.notes)
    assert images.classes == ("cat", "dog", "e\nf")
    with pytest.raises(DataError, match=r"'e\\nf' has 1"):
        load_data(str(tmp_path), resolution=8)
    (tmp_path / "train" / "e\nf" / "0\n.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"0\\n\.png: must be an image"):
        images.read(len(images.names) - 1)


def test_other_folders_beside_train_are_told(tmp_path: Path) -> None:
    images = load_folder(make_folder(tmp_path, "extra"))
    assert len(images.names) == 6
    assert images.notes == (f"{tmp_path}: ignored beside train/: extra; val/ and test/ are read",)


def test_a_folder_of_classes_alone(tmp_path: Path) -> None:
    make_folder(tmp_path / "a")
    images = load_folder(tmp_path / "a" / "train")
    assert images.classes == ("cat", "dog")
    assert images.official == {"train": range(6)}
    assert images.names[0] == "cat/0.png"
    assert "its 2 folders are the classes (cat, dog), split by seed" in images.notes[0]


def test_the_folder_that_was_meant_is_named(tmp_path: Path) -> None:
    make_folder(tmp_path / "photos")
    for _ in range(2):  # alone, and beside another
        with pytest.raises(DataError, match=r"has no train/: pass .*photos"):
            load_folder(tmp_path)
        (tmp_path / "more").mkdir(exist_ok=True)
    with pytest.raises(DataError, match="has no train/"):
        load_folder(make_folder(tmp_path / "a", "val") / "train" / "cat")
    (tmp_path / "a" / "train").rename(tmp_path / "a" / "test")
    with pytest.raises(DataError, match="has no train/"):
        load_folder(tmp_path / "a")


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("meant", ["train", "."])
def test_the_folder_within_folders_is_named(tmp_path: Path, depth: int, meant: str) -> None:
    inner = tmp_path.joinpath(*["photos"] * depth)
    make_folder(tmp_path / "made")
    inner.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "made" if meant == "train" else tmp_path / "made" / "train").rename(inner)
    shutil.rmtree(tmp_path / "made", ignore_errors=True)
    (tmp_path / "__MACOSX").mkdir()
    with pytest.raises(DataError, match=rf"has no train/: pass {inner}$"):
        load_folder(tmp_path)


def test_a_split_without_images_is_ignored_and_told(tmp_path: Path) -> None:
    make_folder(tmp_path)
    for name in ("cat", "dog"):
        (tmp_path / "val" / name).mkdir(parents=True)
    images = load_folder(tmp_path)
    assert images.official == {"train": range(6)}
    assert images.notes == (
        f"{tmp_path}: val/ is ignored: it has no images in the folders of its classes",
    )


def test_images_without_a_class_are_told(tmp_path: Path) -> None:
    make_folder(tmp_path, "val")
    save(tmp_path / "train" / "loose.png")
    for i in range(3):
        save(tmp_path / "test" / f"{i}.png")
    images = load_folder(tmp_path)
    assert images.official == {"train": range(6), "report": range(6, 12)}
    assert images.notes == (
        f"{tmp_path}: test/ is ignored: it has no folders of classes",
        f"{tmp_path}: skipped 4 images, such as test/0.png: they lie in no class's folder",
    )


def test_numbers_are_in_order(tmp_path: Path) -> None:
    for name in ("1", "2", "10", "02"):
        save(tmp_path / "train" / name / "0.png")
    assert load_folder(tmp_path).classes == ("1", "02", "2", "10")
    save(tmp_path / "train" / "1a" / "0.png")  # names are sorted as they always were
    assert load_folder(tmp_path).classes == ("02", "1", "10", "1a", "2")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_classes_in_another_unicode_form_are_the_same(
    tmp_path: Path, form: Literal["NFC", "NFD"]
) -> None:
    """As a folder that was filled on macOS and on Linux has them."""
    cafe = unicodedata.normalize(form, "caf\u00e9")
    same = unicodedata.normalize("NFD" if form == "NFC" else "NFC", cafe)
    for part, name in (("train", cafe), ("train", "bar"), ("val", same), ("val", "bar")):
        save(tmp_path / part / name / "0.png")
    images = load_folder(tmp_path)
    assert images.classes == ("bar", cafe)
    assert images.labels.tolist() == [0, 1, 0, 1]
    (note,) = images.notes
    assert note.startswith(f"{tmp_path}: val/ has 1 class in another Unicode form than train/")
    assert note.endswith(f"such as {same}: taken as the same")
    save(tmp_path / "train" / same / "1.png")
    images = load_folder(tmp_path)
    assert len(images.classes) == 2
    assert images.labels.tolist() == [0, 1, 1, 0, 1]
    assert any("train/ has 1 class in two Unicode forms" in note for note in images.notes)


@pytest.mark.parametrize(
    "junk",
    [
        *("train/.hidden/a.png", "train/.ipynb_checkpoints/0.png", "train/__MACOSX/cat/._0.png"),
        *("train/cat/._0.png", "train/cat/@eaDir/0.png/thumb.jpg", "__MACOSX/train/cat/0.png"),
        *("train/cat/.ipynb_checkpoints/0.png", ".thumbnails/0.png"),
    ],
)
def test_hidden_files_are_no_photos(tmp_path: Path, junk: str) -> None:
    make_folder(tmp_path)
    save(tmp_path / junk)
    images = load_folder(tmp_path)
    assert (images.classes, len(images.names)) == (("cat", "dog"), 6)
    (note,) = images.notes
    assert "skipped 1 hidden image or folder" in note


def test_files_that_systems_write_are_not_worth_a_word(tmp_path: Path) -> None:
    make_folder(tmp_path)
    for name in (".DS_Store", "train/.DS_Store", "train/cat/Thumbs.db", "train/cat/desktop.ini"):
        (tmp_path / name).write_bytes(b"")
    assert load_folder(tmp_path).notes == ()


def test_names_that_are_no_utf_8(tmp_path: Path) -> None:
    make_folder(tmp_path)
    name = os.fsdecode(b"caf\xe9")
    for i in range(3):
        save(tmp_path / "train" / name / f"{i}.png")
    save(tmp_path / "train" / "cat" / f"{name}.png")
    (tmp_path / "train" / "cat" / f"{name}.txt").write_bytes(b"")
    images = load_folder(tmp_path)
    assert images.classes == (r"caf\xe9", "cat", "dog")
    assert images.names[0] == r"train/caf\xe9/0.png"
    assert "".join((*images.notes, *images.names)).encode()
    assert images.read(0).size == (8, 6)
    save(tmp_path / "val" / f"x{name}" / "0.png")
    with pytest.raises(DataError, match=r"not 'xcaf"):
        load_folder(tmp_path)


def test_val_alone_may_be_halved_and_test_not(tmp_path: Path) -> None:
    assert load_folder(make_folder(tmp_path / "a", "val")).may_halve
    assert not load_folder(make_folder(tmp_path / "b", "test")).may_halve
    assert not load_folder(make_folder(tmp_path / "c", "val", "test")).may_halve


def test_splits_in_the_folders_of_classes_are_told_from_data_sets(tmp_path: Path) -> None:
    for name in ("roses", "tulips"):
        for split in ("train", "test"):
            (tmp_path / "classes" / name / split).mkdir(parents=True)
            (tmp_path / "sets" / name / split / "red").mkdir(parents=True)
    with pytest.raises(DataError, match=r"has <class>/train/: move roses/train/ to train/roses/"):
        load_folder(tmp_path / "classes")
    with pytest.raises(DataError, match=r"has no train/: pass .*sets.(roses|tulips)$"):
        load_folder(tmp_path / "sets")
