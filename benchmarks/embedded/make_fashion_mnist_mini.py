"""Make the embedded fashion_mnist_mini.npz from the four official IDX files of Fashion-MNIST.

The same files and seed give the same bytes on one version of numpy and zlib, and the same arrays
on all. Debian's package dataset-fashion-mnist installs the files, the project's page has them too.
"""

import argparse
import gzip
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
# Split -> (which official file, images of each class), in the order in which they are drawn. The
# official test images are all used: as many to report with as to select with.
SPLITS = {"train": ("train", 1000), "report": ("t10k", 500), "selection": ("t10k", 500)}
EMBEDDED = Path(__file__).parents[2] / "supernet" / "data" / "embedded"
TARGET = EMBEDDED / "fashion_mnist_mini.npz"


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read a gzipped IDX file of bytes: a magic number with the rank, the sizes, the data."""
    raw = gzip.decompress(path.read_bytes())
    if raw[:3] != b"\0\0\x08":
        raise SystemExit(f"{path}: must be an IDX file of bytes, but begins with {raw[:4]!r}")
    rank = raw[3]
    sizes = np.frombuffer(raw, dtype=">u4", count=rank, offset=4)
    return np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * rank).reshape(sizes)


def choose(labels: dict[str, NDArray[np.uint8]], seed: int) -> dict[str, NDArray[np.int32]]:
    """Draw each split's indices into its official file: disjoint, as many of each class."""
    rng = np.random.default_rng(seed)
    left = {
        file: [rng.permutation(np.flatnonzero(of_file == c)) for c in range(len(CLASSES))]
        for file, of_file in labels.items()
    }
    chosen = {}
    for split, (file, count) in SPLITS.items():
        chosen[split] = np.sort(np.concatenate([of_class[:count] for of_class in left[file]]))
        left[file] = [of_class[count:] for of_class in left[file]]
    return {split: indices.astype(np.int32) for split, indices in chosen.items()}


def make(folder: Path, target: Path, seed: int) -> None:
    """Write the arrays `classes` and `<split>_images`, `_labels`, `_indices` to `target`."""
    files = sorted({file for file, _ in SPLITS.values()})
    images = {file: read_idx(folder / f"{file}-images-idx3-ubyte.gz") for file in files}
    labels = {file: read_idx(folder / f"{file}-labels-idx1-ubyte.gz") for file in files}
    arrays: dict[str, NDArray[np.generic]] = {"classes": np.array(CLASSES)}
    for split, indices in choose(labels, seed).items():
        file, _ = SPLITS[split]
        arrays[f"{split}_images"] = images[file][indices]
        arrays[f"{split}_labels"] = labels[file][indices]
        arrays[f"{split}_indices"] = indices
    half = target.with_suffix(".tmp.npz")
    np.savez_compressed(half, allow_pickle=False, **arrays)
    os.replace(half, target)


def main() -> None:
    """Read the command line and make the file."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python -m benchmarks.embedded.make_fashion_mnist_mini"
        " /usr/share/datasets/fashion-mnist",
    )
    parser.add_argument("folder", type=Path, help="holds train-images-idx3-ubyte.gz and the others")
    parser.add_argument("--out", type=Path, default=TARGET, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of the choice (default: %(default)s)")
    args = parser.parse_args()
    make(args.folder, args.out, args.seed)
    print(f"{args.out}: {args.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
