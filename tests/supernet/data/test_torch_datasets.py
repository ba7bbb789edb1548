"""Data of the user's own, as PIL images, arrays and tensors."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from supernet.data import data_from
from supernet.data.torch_datasets import to_image
from supernet.errors import DataError


class Photos(Dataset[tuple[Image.Image, int]]):
    """Grey squares of one level a class, of different sizes."""

    classes = ("dark", "light")

    def __init__(self, num_images: int) -> None:
        self.num_images = num_images

    def __len__(self) -> int:
        return self.num_images

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        label = index % 2
        return Image.new("L", (20 + index % 3, 24), 40 + 160 * label), label


class Listed(Dataset[tuple[Image.Image, int]]):
    """What a list has."""

    def __init__(self, items: Sequence[tuple[Image.Image, int]]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return self.items[index]


def test_a_dataset_becomes_the_four_splits() -> None:
    data = data_from(Photos(400), report=Photos(30), resolution=16)
    assert data.name == "Photos"
    assert data.classes == ("dark", "light")
    assert data.num_images["report"] == 30
    assert data.num_images["train"] + data.num_images["selection"] == 400
    images, labels = next(data.batches("report", batch_size=30))
    assert images.shape == (30, 3, 16, 16)
    assert set(images[labels == 1].unique().tolist()) == {200}


def test_a_dataset_may_give_the_same_opened_file_again() -> None:
    """The first reader closes it."""
    file = io.BytesIO()
    Image.new("RGB", (90, 80)).save(file, "jpeg")
    opened = [Image.open(io.BytesIO(file.getvalue())) for _ in range(40)]
    data = data_from(Listed([(image, i % 2) for i, image in enumerate(opened)]), resolution=72)
    for _ in range(2):
        for images, _ in data.train_batches(batch_size=8, epoch=0, seed=0):
            assert images.shape == (8, 3, 72, 72)


def test_a_data_loader_is_its_dataset_and_labels_are_read_where_none_are_listed() -> None:
    pixels = torch.rand(60, 3, 8, 8)
    loader = DataLoader(TensorDataset(pixels, torch.arange(60) % 3), batch_size=7)
    data = data_from(loader, resolution=8, name="mine", seed=3)
    assert (data.name, data.classes) == ("mine", ("0", "1", "2"))
    again = data_from(loader, resolution=8, name="mine", seed=3)
    assert again.describe() == data.describe()


@pytest.mark.parametrize(
    "image",
    [
        torch.full((3, 5, 4), 0.2),
        torch.full((1, 5, 4), 51, dtype=torch.uint8),
        np.full((5, 4, 3), 51, np.uint8),
        np.full((5, 4), 0.2, np.float32),
        Image.new("RGB", (4, 5), (51, 51, 51)),
    ],
)
def test_pixels_are_the_same_in_every_form(image: Tensor | Image.Image) -> None:
    found = to_image(image).convert("RGB")
    assert found.size == (4, 5)
    assert set(np.asarray(found).ravel().tolist()) == {51}


@pytest.mark.parametrize(
    "image", [torch.randn(3, 8, 8), torch.zeros(2, 8, 8), torch.zeros(3, 8, 8, dtype=torch.int64)]
)
def test_what_is_no_image_is_refused(image: Tensor) -> None:
    with pytest.raises(DataError, match="leave normalisation out of its transform"):
        to_image(image)


class Stream(IterableDataset[int]):
    def __iter__(self) -> None:  # type: ignore[override]
        raise AssertionError("it is refused before it is read")


def test_a_stream_is_refused() -> None:
    with pytest.raises(DataError, match="`train` must be a map-style dataset"):
        data_from(Stream(), resolution=8)


def test_too_few_class_names_are_refused() -> None:
    with pytest.raises(DataError, match="a class name for each of 2 labels, but got 1"):
        data_from(Photos(40), resolution=8, classes=["dark"])


def test_labels_that_begin_at_1_are_refused() -> None:
    with pytest.raises(DataError, match="TensorDataset: labels count from 0"):
        data_from(TensorDataset(torch.rand(60, 3, 8, 8), 1 + torch.arange(60) % 3), resolution=8)
