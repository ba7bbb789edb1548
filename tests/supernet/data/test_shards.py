"""Shards as the webdataset library writes them."""

from pathlib import Path

import numpy as np
import pytest
import torch
import webdataset
from PIL import Image

from supernet.data.dataset import load_data
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
    (shards / "classes.txt").write_text("cat\ndog\n")
    data = load_data(str(shards), resolution=16)
    assert data.classes == ("cat", "dog")
    assert data.num_images["report"] == 40
    whole = list(data.train_batches(batch_size=8, epoch=0, seed=0))
    rest = list(data.train_batches(batch_size=8, epoch=0, seed=0, start_step=2))
    for (images, labels), (again, same) in zip(whole[2:], rest, strict=True):
        assert torch.equal(images, again)
        assert torch.equal(labels, same)


def test_damaged_shards_are_named(shards: Path) -> None:
    path = shards / "train-000.tar"
    path.write_bytes(b"no tar file" * 100)
    with pytest.raises(DataError, match=r"train-000.tar: must be a tar file"):
        load_shards(shards)


def test_an_image_without_its_class_is_named(shards: Path) -> None:
    with webdataset.TarWriter(str(shards / "train-009.tar")) as writer:
        writer.write({"__key__": "lonely", "png": Image.new("RGB", (4, 4))})
    with pytest.raises(DataError, match=r"lonely.cls is missing"):
        load_shards(shards)


def test_too_few_names_are_refused(shards: Path) -> None:
    (shards / "classes.txt").write_text("cat\n")
    with pytest.raises(DataError, match="must name 2 classes"):
        load_shards(shards)
