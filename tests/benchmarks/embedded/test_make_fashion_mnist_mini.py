import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from benchmarks.embedded.make_fashion_mnist_mini import SPLITS, make, read_idx


def write_idx(path: Path, array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes(), 1))


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """Write files as the official ones, of 2 x 2 pixels; classes are unequal in `train`."""
    rng = np.random.default_rng(0)
    for file, count in (("train", 15_000), ("t10k", 12_000)):
        labels = rng.integers(0, 10, count, dtype=np.uint8)
        write_idx(tmp_path / f"{file}-labels-idx1-ubyte.gz", labels)
        images = rng.integers(0, 256, (count, 2, 2), dtype=np.uint8)
        write_idx(tmp_path / f"{file}-images-idx3-ubyte.gz", images)
    return tmp_path


def test_each_split_is_balanced_and_holds_what_its_indices_say(official: Path) -> None:
    target = official / "mini.npz"
    make(official, target, seed=0)
    with np.load(target, allow_pickle=False) as arrays:
        for split, (file, of_each_class) in SPLITS.items():
            indices = arrays[f"{split}_indices"]
            images = read_idx(official / f"{file}-images-idx3-ubyte.gz")
            labels = read_idx(official / f"{file}-labels-idx1-ubyte.gz")
            np.testing.assert_array_equal(arrays[f"{split}_images"], images[indices])
            np.testing.assert_array_equal(arrays[f"{split}_labels"], labels[indices])
            assert np.bincount(labels[indices]).tolist() == [of_each_class] * 10
        assert not set(arrays["selection_indices"]) & set(arrays["report_indices"])


def test_the_same_seed_gives_the_same_bytes(official: Path) -> None:
    made = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        make(official, official / f"{name}.npz", seed)
        made.append((official / f"{name}.npz").read_bytes())
    assert made[0] == made[1] != made[2]


def test_a_file_that_is_no_idx_is_refused(official: Path) -> None:
    (official / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"something else"))
    with pytest.raises(SystemExit, match="must be an IDX file of bytes"):
        make(official, official / "mini.npz", seed=0)
    assert not (official / "mini.npz").exists()
