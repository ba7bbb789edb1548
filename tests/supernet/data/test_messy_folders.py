"""Generated folders, lists and parquet files, messy as people's are: never a traceback, never a
wrong set.

Each is made with a list of what a person would expect of it beside: which photos count, of which
class, in which split. What `load_data`, the check and a pass over all images give must be just
that, or an error of one line. Some have a trap, of which the refusal or the note must tell.
"""

import csv
import io
import json
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
from supernet.tell import one_line

SPELLINGS = {
    "train": ("train", "Train", "training", "TRAIN"),
    "val": ("val", "valid", "validation", "Val", "dev", "Eval"),
    "test": ("test", "Testing", "TEST"),
}
CLASS_NAMES = (
    ("1", "2", "10"),
    ("cat", "dog"),
    ("caf\u00e9", "na\u00efve", "plain"),
    ("a b", "c#d", "e%f", "g'h"),
    ("\u732b", "\u72ac"),
    ("train_a", "val"),
    ("a\nb", "c\td"),
)
FORMATS = {
    **dict.fromkeys((".jpg", ".JPG", ".jpeg", ".jpe", ".jfif"), "JPEG"),
    **{".png": "PNG", ".bmp": "BMP", ".tif": "TIFF", ".webp": "WEBP", ".gif": "GIF"},
    ".mislabelled.jpg": "PNG",
}
NAMES = (
    *("photo", "a b", "na\u00efve", os.fsdecode(b"caf\xe9"), "x.y", "%s"),
    *("a\nb", "\x1b[2J", "\u2028", "x" * 220),
)
REFUSED = {
    "wrapped": "has no train/: pass ",
    "two names": "must have one folder of each split, but has ",
    "only in test": "every class must be in train/ too, not 'unknown'",
    "unreadable": "must be a folder that can be read, but ",
}
TOLD = {"empty": "/ is ignored: it has no images", "twice": " are also in "}
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
        self.trap = self.rng.choice((*REFUSED, *TOLD)) if self.rng.random() < 0.4 else ""
        inner = root.joinpath(*["photos"] * self.rng.randint(1, 3))
        folder = inner if self.trap == "wrapped" else root
        parts = self.rng.choice([(), ("train",), ("train", "val"), ("train", "val", "test")])
        if parts == () and "val" in self.classes:
            parts = ("train",)
        if self.trap and self.trap != "wrapped":
            parts = ("train", "val") if self.trap in ("two names", "twice") else ("train",)
        of_part = {part: folder / self.rng.choice(SPELLINGS[part]) for part in parts}
        for part, place in (of_part or {"train": folder}).items():
            self._fill(part, place, self.rng.randint(5, 9))
        if self.rng.random() < 0.3 and parts:
            self._junk(folder)
        self._set_trap(of_part)

    def _set_trap(self, of_part: dict[str, Path]) -> None:
        """Put in what the trap needs."""
        if self.trap == "two names":
            name = next(each for each in ("val", "valid") if each != of_part["val"].name.lower())
            self._fill("val", self.root / name, 1)
        elif self.trap == "only in test":
            self._photo("", 0, self.root / "test" / "unknown", 0)
        elif self.trap == "unreadable":
            (of_part["train"] / self.classes[0] / "locked").mkdir(parents=True)
            (of_part["train"] / self.classes[0] / "locked").chmod(0)
        elif self.trap == "empty":
            place = self.root / self.rng.choice(("val", "test"))
            for name in self.classes:
                (place / name).mkdir(parents=True)
        elif self.trap == "twice":
            content = self._content("PNG", 0)
            for part in ("train", "val"):
                (of_part[part] / self.classes[0]).mkdir(exist_ok=True)
                (of_part[part] / self.classes[0] / "twice.png").write_bytes(content)
                self.expected[part, self.classes[0], True] += 1

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
        content, whole = self._content(FORMATS[suffix], label), True
        if self.rng.random() < 0.08:
            content, whole = self.rng.choice((b"", b"<html>", content[:20])), False
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.rng.choice(NAMES)}{number}{suffix}").write_bytes(content)
        self.expected[part, self.classes[label], whole] += 1

    def _content(self, kind: str, label: int) -> bytes:
        file, exif = io.BytesIO(), Image.Exif()
        if self.rng.random() < 0.3:
            exif[ExifTags.Base.Orientation] = self.rng.randint(1, 8)
        size = self.rng.randint(1, 40), self.rng.randint(1, 40)
        shade = SHADES * label + SHADES // 2
        mode = self.rng.choice(("RGB", "L", "P"))
        if kind == "JPEG" and mode == "P":
            mode = "L"
        photo = Image.new("RGB", size, (shade,) * 3).convert(mode, palette=Image.Palette.ADAPTIVE)
        photo.save(file, kind, exif=exif)
        return file.getvalue()

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
    if messy.trap == "unreadable" and os.geteuid() == 0:
        pytest.skip("root reads everything")
    before = sorted(os.fsencode(path) for path in tmp_path.rglob("*"))
    if messy.trap in REFUSED:
        with pytest.raises(DataError) as refused:
            load_data(str(tmp_path), resolution=8, seed=seed)
        assert REFUSED[messy.trap] in str(refused.value)
        assert one_line(str(refused.value)) == str(refused.value)
        return
    refusal = ""
    try:
        data = load_data(str(tmp_path), resolution=8, seed=seed)
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
    assert TOLD.get(messy.trap, "") in err
    assert (f"{num_damaged} image" in err) == (num_damaged > 0)
    for line in err.replace(str(tmp_path), "").split("\n"):
        assert one_line(line) == line
        assert len(line) < (300 if "xxx" not in line else 800)
    assert before == sorted(os.fsencode(path) for path in tmp_path.rglob("*")), "nothing is written"
    again = load_data(str(tmp_path), resolution=8, seed=seed)
    again.check_same(data.describe())
    assert read_all(again, messy.classes) == found


@pytest.mark.parametrize("seed", range(100))
def test_any_tree_of_files_is_read_or_refused_in_one_line(tmp_path: Path, seed: int) -> None:
    """Random names at random depths, most of which are no data set."""
    rng = random.Random(seed)
    names: tuple[str, ...] = ("train", "val", "test", "a", "b", "1", ".x", "images")
    names += rng.choice(((), ("photos", "Eval", "dev"), ("c\nd", "data", "train_0")))
    noise = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    for i in range(rng.randint(0, 40)):
        folder = tmp_path.joinpath(*rng.choices(names, k=rng.randint(0, 4)))
        folder.mkdir(parents=True, exist_ok=True)
        kind = rng.choice((".png", ".jpg", ".txt", "x", ".tar", ".heic", "\n.png", ".parquet"))
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


class MessyRows:
    """Rows of photos, and what they should be read as, to be written as a list or as parquet."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.rng = folder, random.Random(seed)
        self.classes = ("cat", "caf\u00e9")
        parts = self.rng.choice([("",), ("train",), ("train", "val"), ("train", "val", "test")])
        spelled = {"": "", **{part: self.rng.choice(SPELLINGS[part]) for part in SPELLINGS}}
        self.rows: list[tuple[str, str, str]] = []
        """File name, class and split."""
        self.expected: Counter[tuple[str, str]] = Counter()
        for number, part in enumerate(parts * 16):
            label = self.rng.randrange(2) if number > 6 * len(parts) else number // len(parts) % 2
            name = f"{self.rng.choice(('a b', 'x,y', 'z;', 'q', chr(233)))}{number}.png"
            size = self.rng.randint(1, 30), self.rng.randint(1, 30)
            shade = SHADES * label + SHADES // 2
            Image.new("RGB", size, (shade,) * 3).save(folder / name)
            self.rows.append((name, self.classes[label], spelled[part]))
            self.expected[part or "train", self.classes[label]] += 1

    def write_list(self) -> Path:
        """A CSV, TSV or JSON Lines file of any of the dialects that people's programs write."""
        kind = self.rng.choice((".csv", ".tsv", ".jsonl"))
        form = self.rng.choice(("NFC", "NFD"))
        start = self.rng.choice(("", f"{self.folder}{os.sep}", "./"))
        rows = [
            (f"{start}{name}", unicodedata.normalize(form, label), split)  # type: ignore[arg-type]
            for name, label, split in self.rows
        ]
        rows += self.rng.sample(rows, 2)  # says the same again
        rows.append((f"{start}missing.png", rows[0][1], rows[0][2]))
        head = [self.rng.choice(names) for names in (("path", "File Name"), ("label", "class"),
                                                     ("split", "subset"))]  # fmt: skip
        file = io.StringIO()
        if kind == ".jsonl":
            ascii_only = self.rng.random() < 0.5
            for row in rows:
                json.dump(dict(zip(head, row, strict=True)), file, ensure_ascii=ascii_only)
                file.write("\n")
        else:
            separator = "\t" if kind == ".tsv" else self.rng.choice(",;|")
            dialect = self.rng.choice(("unix", "excel"))  # all cells in quotes, or few
            writer = csv.writer(file, dialect, delimiter=separator, lineterminator="\n")
            writer.writerow(head)
            writer.writerows(rows)
        text = file.getvalue()
        if self.rng.random() < 0.5:
            text = text.replace("\n", "\r\n")
        encoding = self.rng.choice(("utf-8", "utf-8-sig"))
        path = self.folder / f"list{kind}"
        path.write_bytes(text.encode(encoding))
        return path

    def write_parquet(self) -> Path:
        """Files of a few rows each, with classes by number or as text, in a repository or not."""
        arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
        parquet = pytest.importorskip("pyarrow.parquet")
        repository = self.folder / "parquet"
        place = self.rng.choice((repository, repository / "data"))
        place.mkdir(parents=True)
        as_text, names = self.rng.random() < 0.5, sorted(self.classes)
        about = {"label": {"_type": "ClassLabel", "names": names}, "image": {"_type": "Image"}}
        for split in dict.fromkeys(split for _, _, split in self.rows):
            rows = [row for row in self.rows if row[2] == split]
            size = self.rng.randint(5, 20)
            for start in range(0, len(rows), size):
                some = rows[start : start + size]
                labels = [label if as_text else names.index(label) for _, label, _ in some]
                images = [{"bytes": (self.folder / name).read_bytes(), "path": name}
                          for name, _, _ in some]  # fmt: skip
                table = arrow.table({"image": images, "label": labels})
                if not as_text:
                    features = json.dumps({"info": {"features": about}})
                    table = table.replace_schema_metadata({"huggingface": features})
                name = f"{split or 'train'}-{start:05}-of-00099.parquet"
                parquet.write_table(table, place / name, row_group_size=self.rng.randint(1, 9))
        return repository


@pytest.mark.parametrize("seed", range(60))
def test_rows_are_read_as_they_are_meant(
    tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    messy = MessyRows(tmp_path, seed)
    path = messy.write_list() if seed % 3 else messy.write_parquet()
    data = load_data(str(path), resolution=8, seed=seed)
    data.exclude_damaged(data.check())
    found = read_all(data, messy.classes)
    for name in messy.classes:
        parts = [messy.expected[part, name] for part in ("train", "val", "test")]
        of_class = [found[part, name] for part in ("train", "selection", "report")]
        assert sum(of_class) == sum(parts)
        if parts[2]:
            assert of_class == parts
        elif parts[1]:
            assert of_class[2] == parts[1]
    err = capsys.readouterr().err
    assert ("skipped 1 image" in err) == (seed % 3 > 0)
