"""Shards as the webdataset library writes them."""

import io
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
import webdataset
from PIL import Image

from supernet.data.dataset import load_data
from supernet.data.scan import image_suffixes
from supernet.data.shards import is_sharded, load_shards
from supernet.errors import DataError


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        pattern = str(tmp_path / f"{part}-%03d.tar")
        with webdataset.ShardWriter(pattern, maxcount=15, verbose=0) as writer:
            for i in range(40):
                image = Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8))
                writer.write({"__key__": f"{i:06}", "png": image, "cls": i % 2})
    return tmp_path


# The library leaves the file that it reads open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_shards_are_read_like_a_folder(shards: Path, tmp_path: Path) -> None:
    images = load_shards(shards)
    assert is_sharded(shards)
    assert not is_sharded(shards.parent)
    assert len(images.names) == 80
    assert images.labels.tolist() == [i % 2 for i in range(40)] * 2
    read = webdataset.WebDataset(str(shards / "train-001.tar"), shardshuffle=False).decode("pil")
    first, *_ = list(read)  # read to the end, or the library leaves its file open
    index = images.names.index(f"train-001.tar/{first['__key__']}")
    assert images.read(index).tobytes() == first["png"].convert("RGB").tobytes()


def test_a_training_reads_batches_from_shards(shards: Path) -> None:
    (shards / "classes.txt").write_text("cat\ndog\n", encoding="utf-8-sig")
    data = load_data(str(shards), resolution=16)
    assert data.classes == ("cat", "dog")
    assert data.num_images["report"] == 40
    whole = list(data.train_batches(batch_size=8, epoch=0, seed=0))
    rest = list(data.train_batches(batch_size=8, epoch=0, seed=0, start_step=2))
    for (images, labels), (again, same) in zip(whole[2:], rest, strict=True):
        assert torch.equal(images, again)
        assert torch.equal(labels, same)


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("Training-0.tar", "dev-0.tar"), {"train", "report"}),
        (("train_0.tar", "evaluation.tar", "testing.tar"), {"train", "selection", "report"}),
        (("train-0.tar", "trainval-0.tar", "._train-0.tar"), {"train"}),
    ],
)
def test_shards_are_named_after_splits(
    shards: Path, tmp_path: Path, names: tuple[str, ...], splits: set[str]
) -> None:
    folder = tmp_path / "others"
    folder.mkdir()
    for name in names:
        shutil.copy(shards / "val-000.tar", folder / name)
    images = load_shards(folder)
    assert {split: len(part) for split, part in images.official.items()} == dict.fromkeys(
        splits, 15
    )
    assert [note.partition(": ")[2] for note in images.notes] == [
        f"skipped 1 .tar file, such as {name}: their names begin with no split's, such as train-"
        for name in names
        if name == "trainval-0.tar"
    ]
    shutil.copy(shards / "val-000.tar", folder / "val-0.tar")
    if "evaluation.tar" in names:
        with pytest.raises(DataError, match="some are 'val' and some 'evaluation'"):
            load_shards(folder)


def test_damaged_shards_are_named(shards: Path) -> None:
    path = shards / "train-000.tar"
    path.write_bytes(b"no tar file" * 100)
    with pytest.raises(DataError, match=r"train-000.tar: must be a tar file"):
        load_shards(shards)


def test_a_shard_that_is_not_read_to_its_end_is_refused(tmp_path: Path) -> None:
    """tarfile takes a damaged header for the end, and a second archive is after it."""
    path = tmp_path / "train-0.tar"
    members: dict[str, bytes | int] = {}
    for i in range(6):
        members |= {f"{i}.png": i, f"{i}.cls": str(i % 2).encode()}
    write_shard(path, members)
    whole = path.read_bytes()
    assert len(load_shards(tmp_path).names) == 6
    with tarfile.open(path) as archive:
        header = archive.getmember("4.png").offset
        end = archive.getmembers()[-1].offset_data + 512
    for content, message in (
        (whole[:header] + b"x" + whole[header + 1 :], "a header is damaged"),
        (whole + whole, "more follows its end"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=rf"train-0\.tar: must be a tar file .* {message}"):
            load_shards(tmp_path)
    for size, num_images in ((end + 1024, 6), (end, 6), (header, 4)):
        path.write_bytes(whole[:size])
        images = load_shards(tmp_path)
        assert len(images.names) == num_images
        note = (
            f"{tmp_path}: 1 shard without the end of a tar file, such as train-0.tar: incomplete?"
        )
        assert images.notes == (() if size > end else (note,))


def test_an_image_without_its_class_is_named(shards: Path) -> None:
    with webdataset.TarWriter(str(shards / "train-009.tar")) as writer:
        writer.write({"__key__": "lonely", "png": Image.new("RGB", (4, 4))})
    with pytest.raises(DataError, match=r"lonely.cls is missing"):
        load_shards(shards)


def test_too_few_names_are_refused(shards: Path) -> None:
    (shards / "classes.txt").write_text("cat\n")
    with pytest.raises(DataError, match="must name 2 classes"):
        load_shards(shards)


def write_shard(path: Path, members: dict[str, bytes | int]) -> None:
    """Write a tar file; a number is the shade of an image in the format of the member's name."""
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            if isinstance(content, int):
                file, kind = io.BytesIO(), name.rpartition(".")[2].lower()
                kind = {"jpg": "jpeg"}.get(kind, kind)
                Image.new("RGB", (8, 8), (content,) * 3).save(file, kind)
                content = file.getvalue()
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def shade(image: Image.Image) -> int:
    return round(float(np.asarray(image).mean()))


@pytest.mark.parametrize("extension", ["jpg", "JPG", "image.jpg", "input.png", "a.b.webp"])
@pytest.mark.parametrize("folder", ["", "./", "deep.er/", "train/cat/"])
def test_a_key_ends_at_the_first_dot_of_the_name(
    tmp_path: Path, extension: str, folder: str
) -> None:
    members: dict[str, bytes | int] = {}
    for i in range(8):
        members |= {f"{folder}{i}.{extension}": 20 * i, f"{folder}{i}.cls": f"{i % 2}\n".encode()}
    write_shard(tmp_path / "train-0.tar", members)
    images = load_shards(tmp_path)
    assert images.labels.tolist() == [0, 1] * 4
    assert [shade(images.read(i)) for i in range(8)] == pytest.approx(range(0, 160, 20), abs=2)
    names = [f"train-0.tar/{Path(folder, str(i))}" for i in range(8)]
    assert list(images.names) == names


def test_the_image_is_the_plain_one_of_several(tmp_path: Path) -> None:
    members: dict[str, bytes | int] = {"a.depth.png": 1, "a.image.jpg": 100, "a.mask.png": 2}
    members |= {"a.cls": b"0", "b.mask.png": 3, "b.png": 4, "b.jpg": 200, "b.cls": b"1"}
    write_shard(tmp_path / "train-0.tar", members)
    images = load_shards(tmp_path)
    assert [shade(images.read(i)) for i in range(2)] == [100, 200]
    write_shard(tmp_path / "train-1.tar", {"a.left.png": 1, "a.right.png": 2, "a.cls": b"0"})
    with pytest.raises(DataError, match=r"a: must have one image .* has left\.png, right\.png"):
        load_shards(tmp_path)


def test_the_class_is_the_plain_one_or_the_only_one(tmp_path: Path) -> None:
    members: dict[str, bytes | int] = {"a.input.png": 1, "a.output.cls": b"0"}
    members |= {"b.png": 1, "b.cls": b"1", "b.coarse.cls": b"0", "b.name.cls": b"dog"}
    write_shard(tmp_path / "train-0.tar", members)
    assert load_shards(tmp_path).labels.tolist() == [0, 1]
    write_shard(tmp_path / "train-1.tar", {"c.png": 1, "c.fine.cls": b"1", "c.coarse.cls": b"0"})
    with pytest.raises(DataError, match=r"c\.cls is missing"):
        load_shards(tmp_path)


def test_shards_that_no_split_names_are_refused_with_advice(tmp_path: Path) -> None:
    write_shard(tmp_path / "imagenet-train-0.tar", {"a.png": 1, "a.cls": b"0"})
    with pytest.raises(DataError, match=r"name the files after their splits, such as train-0000"):
        load_data(str(tmp_path), resolution=8)


def test_samples_without_an_image_are_told(tmp_path: Path) -> None:
    members: dict[str, bytes | int] = {"a.bmp": 7, "a.cls": b"0", "b.heic": b"", "b.cls": b"1"}
    members |= {
        "c.HEIC": b"",
        "c.cls": b"1",
        "d.cls": b"0",
        "e.gif": 9,
        "e.txt": b"",
        "e.cls": b"0",
    }
    write_shard(tmp_path / "train-0.tar", members)
    images = load_shards(tmp_path)
    assert [shade(images.read(i)) for i in range(2)] == [7, 9]
    if ".heic" not in image_suffixes():
        assert images.notes == (
            f"{tmp_path}: skipped 2 samples with .heic, such as train-0.tar/b: no image format",
            f"{tmp_path}: skipped 1 sample with a label alone, such as train-0.tar/d: no image "
            "format",
        )


def test_a_label_may_be_in_json_and_cls_has_precedence(tmp_path: Path) -> None:
    members: dict[str, bytes | int] = {}
    for i, label in enumerate([{"label": 1, "width": 8}, {"cls": 0}, 1, {"label": 0}]):
        members |= {f"{i}.png": i, f"{i}.json": json.dumps(label).encode()}
    members |= {"4.png": 4, "4.cls": b"1", "4.json": b"no json", "5.json": b"{}"}
    write_shard(tmp_path / "train-0.tar", members)
    assert load_shards(tmp_path).labels.tolist() == [1, 0, 1, 0, 1]
    write_shard(tmp_path / "train-1.tar", {"a.png": 1, "a.json": b'{"label": "cat"}'})
    with pytest.raises(DataError, match=r"a\.cls is missing"):
        load_shards(tmp_path)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.png": 1, "a.cls": b"1", "b.png": 1, "b.cls": b"2"}, "labels count from 0, .* at 1"),
        ({"a.png": 1, "a.cls": b"-1"}, "labels count from 0, but got -1"),
        ({"a.png": 1, "a.cls": b"9" * 40}, "labels count from 0, but got 9999"),
        ({"a.png": 1, "a.cls": b"0", "b.png": 1, "b.cls": b"99999"}, "without gaps, .* 99999"),
        ({"a.png": 1, "a.cls": b"cat"}, r"with \.cls numbers"),
        ({"a.txt": b"1", "._b.png": b"1", "._b.cls": b"0"}, "must hold images .* but hold none"),
    ],
)
def test_what_is_no_label_or_image_is_refused(
    tmp_path: Path, members: dict[str, bytes | int], message: str
) -> None:
    write_shard(tmp_path / "train-0.tar", members)
    with pytest.raises(DataError, match=message) as caught:
        load_shards(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_link_in_a_shard_is_refused_and_folders_are_passed_over(tmp_path: Path) -> None:
    write_shard(tmp_path / "train-0.tar", {"a.png": 1, "a.cls": b"0"})
    for kind in (tarfile.DIRTYPE, tarfile.LNKTYPE):
        with tarfile.open(tmp_path / "train-0.tar", "a") as archive:
            info = tarfile.TarInfo("b.png")
            info.type, info.linkname = kind, "a.png"
            archive.addfile(info)
        if kind == tarfile.DIRTYPE:
            assert len(load_shards(tmp_path).names) == 1
    with pytest.raises(DataError, match=r"b\.png is a link: write it with tar --hard-dereference"):
        load_shards(tmp_path)


FEW_DESCRIPTORS = """
import resource, sys
import torch
from supernet.data import load_data
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
for resolution in (16, 72):  # without and with threads
    data = load_data(sys.argv[1], resolution=resolution)
    shown = sum(len(labels) for _, labels in data.train_batches(batch_size=40, epoch=0, seed=0))
    print(shown)
"""


@pytest.mark.slow
def test_many_shards_need_few_descriptors(tmp_path: Path) -> None:
    """100 shards, with a limit of 64 open files."""
    for shard in range(100):
        members: dict[str, bytes | int] = {}
        for i in range(8):
            members |= {f"{i}.png": i, f"{i}.cls": str(i % 2).encode()}
        write_shard(tmp_path / f"train-{shard:03}.tar", members)
    command = [sys.executable, "-c", FEW_DESCRIPTORS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path.cwd(), check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["640", "640"]  # the rest is held out
