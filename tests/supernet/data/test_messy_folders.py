"""Generated folders of photos, messy as people's are: never a traceback, never a wrong set.

Each folder is made with a list of what a person would expect of it beside: which photos count, of
which class, in which split. What `load_data`, the check and a pass over all images give must be
just that, or an error of one line.
"""

import io
import os
import random
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from supernet.data.dataset import Data, load_data
from supernet.errors import DataError

SPELLINGS = {
    "train": ("train", "Train", "training", "TRAIN"),
    "val": ("val", "valid", "validation", "Val"),
    "test": ("test", "Testing", "TEST"),
}
CLASS_NAMES = (
    ("1", "2", "10"),
    ("cat", "dog"),
    ("caf\u00e9", "na\u00efve", "plain"),
    ("a b", "c#d", "e%f", "g'h"),
    ("\u732b", "\u72ac"),
    ("train_a", "val"),
)
FORMATS = {
    **dict.fromkeys((".jpg", ".JPG", ".jpeg", ".jpe", ".jfif"), "JPEG"),
    **{".png": "PNG", ".bmp": "BMP", ".tif": "TIFF", ".webp": "WEBP", ".gif": "GIF"},
    ".mislabelled.jpg": "PNG",
}
JUNK = (
    ".DS_Store",
    "Thumbs.db",
    "._0.jpg",
    "notes.txt",
    "photo.heic",
    "README",
    "labels.csv",
    ".hidden/0.png",
    ".ipynb_checkpoints/0-checkpoint.png",
    "__MACOSX/0.png",
    "@eaDir/0.jpg",
)
SHADES = 48


class Messy:
    """One folder, and what it should be read as: the shade of a photo tells its class."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.rng = root, random.Random(seed)
        self.classes = self.rng.choice(CLASS_NAMES)
        self.expected: Counter[tuple[str, str, bool]] = Counter()
        """Photos by part, class and whether they are whole."""
        parts = self.rng.choice([(), ("train",), ("train", "val"), ("train", "val", "test")])
        if parts == () and "val" in self.classes:
            parts = ("train",)
        for part in parts:
            spelling = self.rng.choice(SPELLINGS[part])
            self._fill(part, root / spelling, self.rng.randint(5, 9))
        if not parts:
            self._fill("train", root, self.rng.randint(5, 9))
        if self.rng.random() < 0.3 and parts:
            self._junk(root)

    def _fill(self, part: str, folder: Path, num_photos: int) -> None:
        for label, name in enumerate(self.classes):
            form = self.rng.choice(("NFC", "NFD"))
            of_class = folder / unicodedata.normalize(form, name)  # type: ignore[arg-type]
            of_class.mkdir(parents=True)
            for i in range(num_photos):
                deep = of_class / "more" if self.rng.random() < 0.2 else of_class
                deep.mkdir(exist_ok=True)
                self._photo(part, label, deep, i)
            if self.rng.random() < 0.5:
                self._junk(of_class)
            if self.rng.random() < 0.3:
                target = self.rng.choice((".", "..", str(self.root), "nowhere", "loop"))
                (of_class / "loop").symlink_to(target)
        if self.rng.random() < 0.3:
            self._junk(folder)

    def _photo(self, part: str, label: int, folder: Path, number: int) -> None:
        suffix = self.rng.choice(list(FORMATS))
        name = self.rng.choice(("photo", "a b", "na\u00efve", os.fsdecode(b"caf\xe9"), "x.y", "%s"))
        file, exif = io.BytesIO(), Image.Exif()
        if self.rng.random() < 0.3:
            exif[ExifTags.Base.Orientation] = self.rng.randint(1, 8)
        size = self.rng.randint(1, 40), self.rng.randint(1, 40)
        shade = SHADES * label + SHADES // 2
        mode = self.rng.choice(("RGB", "L", "P"))
        if FORMATS[suffix] == "JPEG" and mode == "P":
            mode = "L"
        photo = Image.new("RGB", size, (shade,) * 3).convert(mode, palette=Image.Palette.ADAPTIVE)
        photo.save(file, FORMATS[suffix], exif=exif)
        content, whole = file.getvalue(), True
        if self.rng.random() < 0.08:
            content, whole = self.rng.choice((b"", b"<html>", content[:20])), False
        (folder / f"{name}{number}{suffix}").write_bytes(content)
        self.expected[part, self.classes[label], whole] += 1

    def _junk(self, folder: Path) -> None:
        for name in self.rng.sample(JUNK, 3):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"\0" * 9)


def read_all(data: Data, classes: tuple[str, ...]) -> Counter[tuple[str, str]]:
    """Images by split and class, each of which must have the shade of its class."""
    found: Counter[tuple[str, str]] = Counter()
    names = [unicodedata.normalize("NFC", name) for name in data.classes]
    shade_of = torch.tensor([SHADES * classes.index(name) + SHADES // 2 for name in names])
    for split in ("train", "selection", "report"):
        for images, labels in data.batches(split, batch_size=7):
            expected = shade_of[labels]
            shades = images.float().mean((1, 2, 3))
            assert (shades - expected).abs().max() < SHADES // 2
            found.update((split, names[label]) for label in labels.tolist())
    return found


@pytest.mark.parametrize("seed", range(100))
def test_a_messy_folder_is_read_as_it_is_meant(
    tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    messy = Messy(tmp_path, seed)
    before = sorted(os.fsencode(path) for path in tmp_path.rglob("*"))
    data, refusal = load_data(str(tmp_path), resolution=8, seed=seed), ""
    try:
        data.exclude_damaged(data.check(cache=tmp_path.parent / f"{tmp_path.name}.cache"))
    except DataError as error:
        refusal = str(error)
    if refusal:
        assert "\n" not in refusal
        assert "training images, but" in refusal, "too few are whole"
        return
    found = read_all(data, messy.classes)
    for name in messy.classes:
        whole = {part: messy.expected[part, name, True] for part in ("train", "val", "test")}
        of_class = {part: found[part, name] for part in ("train", "selection", "report")}
        assert sum(of_class.values()) == sum(whole.values())
        if whole["test"]:
            assert tuple(of_class.values()) == (whole["train"], whole["val"], whole["test"])
        elif whole["val"]:
            assert of_class["report"] == whole["val"]
    assert sum(found.values()) == sum(data.num_images[s] for s in ("train", "selection", "report"))
    num_damaged = sum(n for (_, _, whole), n in messy.expected.items() if not whole)
    err = capsys.readouterr().err
    assert (f"{num_damaged} image" in err) == (num_damaged > 0)
    assert all(len(line) < 300 for line in err.replace(str(tmp_path), "").splitlines())
    assert before == sorted(os.fsencode(path) for path in tmp_path.rglob("*")), "nothing is written"
    again = load_data(str(tmp_path), resolution=8, seed=seed)
    again.check_same(data.describe())
    assert read_all(again, messy.classes) == found


@pytest.mark.parametrize("seed", range(100))
def test_any_tree_of_files_is_read_or_refused_in_one_line(tmp_path: Path, seed: int) -> None:
    """Random names at random depths, most of which are no data set."""
    rng, names = random.Random(seed), ("train", "val", "test", "a", "b", "1", ".x", "images")
    noise = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    for i in range(rng.randint(0, 40)):
        folder = tmp_path.joinpath(*rng.choices(names, k=rng.randint(0, 4)))
        folder.mkdir(parents=True, exist_ok=True)
        kind = rng.choice((".png", ".jpg", ".txt", "x", ".tar", ".heic"))
        (folder / f"{i}{kind}").write_bytes(file.getvalue() if rng.random() < 0.8 else b"junk")
    refusal = ""
    try:
        data = load_data(str(tmp_path), resolution=8)
        data.exclude_damaged(data.check())
        num_images = sum(len(labels) for _, labels in data.batches("train", batch_size=5))
        assert num_images == data.num_images["train"]
        assert torch.tensor(data.mean).isfinite().all()
    except DataError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert len(refusal.replace(str(tmp_path), "")) < 200
