import struct
from pathlib import Path

import numpy as np
import pytest
import torchvision
from PIL import Image

from supernet.data.torchvision_sets import load_torchvision
from supernet.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (30, 28, 28), dtype=np.uint8)
LABELS = (np.arange(30) % 10).astype(np.uint8)


def write_mnist_files(root: Path, name: str) -> None:
    """Write what a finished download of the set leaves: IDX files, which have no checksum."""
    raw = root / name / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 30), ("t10k", 20)):
        head = struct.pack(">IIII", 0x803, count, 28, 28)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(head + PIXELS[:count].tobytes())
        head = struct.pack(">II", 0x801, count)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(head + LABELS[:count].tobytes())


def write_class_folders(folder: Path) -> None:
    for name in ("lake", "sea"):
        (folder / name).mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (8, 8), (i, 0, 0)).save(folder / name / f"{i}.jpg")


def test_train_and_test_images_with_their_labels_and_classes(tmp_path: Path) -> None:
    write_mnist_files(tmp_path, "FashionMNIST")
    images = load_torchvision("FashionMNIST", tmp_path)
    assert images.name == "torchvision:FashionMNIST"
    assert images.classes[:2] == ("T-shirt/top", "Trouser")
    assert images.official == {"train": range(30), "report": range(30, 50)}
    assert images.labels.tolist() == [*LABELS, *LABELS[:20]]
    assert (images.names[0], images.names[-1]) == ("train[0]", "report[19]")
    for index in (7, 37):
        np.testing.assert_array_equal(np.asarray(images.read(index))[..., 2], PIXELS[7])


def test_a_set_with_named_splits_reports_on_its_test_images(tmp_path: Path) -> None:
    for part in ("train", "valid", "test"):
        write_class_folders(tmp_path / "country211" / part)
    images = load_torchvision("Country211", tmp_path)
    assert images.official == {"train": range(8), "report": range(8, 16)}
    assert images.classes == ("lake", "sea")


def test_a_set_without_test_images_leaves_the_report_to_be_carved(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "eurosat" / "2750")
    assert load_torchvision("EuroSAT", tmp_path).official == {"train": range(8)}


class Unlisted(torchvision.datasets.EuroSAT):  # type: ignore[misc]
    """A set that tells labels only image by image, as Caltech101 does."""

    def __init__(self, root: str, download: bool = False) -> None:
        super().__init__(root, download=download)
        del self.targets


class Boxes(torchvision.datasets.EuroSAT):  # type: ignore[misc]
    """A set of detections, whose labels are no class numbers."""

    def __init__(self, root: str, download: bool = False) -> None:
        super().__init__(root, download=download)
        self.targets: list[dict[str, list[int]]] = [{"boxes": []}] * 8


def test_labels_that_are_not_listed_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_class_folders(tmp_path / "eurosat" / "2750")
    monkeypatch.setattr(torchvision.datasets, "EuroSAT", Unlisted)
    assert load_torchvision("EuroSAT", tmp_path).labels.tolist() == [0] * 4 + [1] * 4


def test_a_set_that_is_no_classification_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_class_folders(tmp_path / "eurosat" / "2750")
    monkeypatch.setattr(torchvision.datasets, "EuroSAT", Boxes)
    with pytest.raises(DataError, match="must have one class label per image"):
        load_torchvision("EuroSAT", tmp_path)


def test_an_unknown_name_is_refused_with_what_is_near(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such data set; similar names: .*CIFAR10"):
        load_torchvision("CIFAR", tmp_path)


@pytest.mark.parametrize("name", ["CocoDetection", "FakeData", "ImageFolder"])
def test_a_set_that_needs_more_than_a_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"torchvision:{name}: must need no argument but a folder"):
        load_torchvision(name, tmp_path)


def test_a_download_that_fails_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", "file:///nowhere/cifar.tar.gz")
    with pytest.raises(DataError, match=r"must be in .* or be downloadable, but ") as caught:
        load_torchvision("CIFAR10", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"must be in .* or be downloadable"):
        load_torchvision("CIFAR10", tmp_path / "file" / "root")
