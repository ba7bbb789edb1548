import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from supernet.data import dataset as data_module
from supernet.data.check import cache_of
from supernet.data.dataset import Data, cut, load_data
from supernet.data.folders import load_folder
from supernet.data.preprocess import shift_and_flip
from supernet.data.sources import EMBEDDED_FILE, load_embedded
from supernet.errors import DataError


@pytest.fixture(scope="module")
def embedded() -> Data:
    return load_data("fashion-mnist-mini", resolution=28)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for part, name, i in itertools.product(("train", "val"), ("cat", "dog"), range(20)):
        path = tmp_path / part / name / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (90, 100, 3), dtype=np.uint8)).save(path)
    return tmp_path


def test_the_embedded_splits(embedded: Data) -> None:
    assert embedded.num_images == {
        "train": 10_000,
        "calibration": 2_000,
        "selection": 5_000,
        "report": 5_000,
    }
    assert len(embedded.classes) == 10
    # Of all 60,000 official training images: 0.2860 and 0.3530.
    assert embedded.mean == pytest.approx([0.286] * 3, abs=0.005)
    assert embedded.std == pytest.approx([0.353] * 3, abs=0.005)


def test_a_named_normalisation_replaces_that_of_the_images(folder: Path) -> None:
    own = load_data(str(folder), resolution=8)
    named = load_data(str(folder), resolution=8, normalisation="imagenet")
    assert named.mean == (0.485, 0.456, 0.406) != own.mean
    assert named.describe()["std"] == [0.229, 0.224, 0.225]
    with pytest.raises(DataError, match="`normalisation` must be one of data, imagenet, half"):
        load_data(str(folder), resolution=8, normalisation="cifar")


def test_batches_are_the_files_pixels_in_order(embedded: Data) -> None:
    batches = list(embedded.batches("report", batch_size=300))
    assert [len(labels) for _, labels in batches] == [300] * 16 + [200]
    images = torch.cat([images for images, _ in batches])
    assert batches[0][0].is_contiguous(memory_format=torch.channels_last)
    with np.load(EMBEDDED_FILE, allow_pickle=False) as arrays:
        for channel in range(3):
            np.testing.assert_array_equal(images[:, channel], arrays["report_images"])
        labels = torch.cat([labels for _, labels in batches])
        np.testing.assert_array_equal(labels, arrays["report_labels"])


@pytest.mark.parametrize("batch_size", [2, 3, 7, 500])
def test_no_batch_has_a_single_image(batch_size: int) -> None:
    """BN layers have no variance of one; where two or more are left over they stay a batch."""
    for num_images in (*range(2, 40), 499, 500, 501, 502, 1000, 1001):
        sizes = cut(num_images, batch_size)
        assert sum(sizes) == num_images
        assert min(sizes) > 1
        plain = [len(part) for part in torch.zeros(num_images).split(batch_size)]
        assert sizes == (plain if plain[-1] > 1 else [*plain[:-2], batch_size + 1])


@pytest.mark.parametrize("resolution", [16, 72])
@pytest.mark.parametrize("is_kept", [True, False])
def test_a_single_image_left_over_joins_the_batch_before(
    folder: Path, resolution: int, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_kept:
        monkeypatch.setattr(data_module, "MAX_BYTES_KEPT", 0)
    data = load_data(str(folder), resolution=resolution)  # 40 images in `report`
    batches = list(data.batches("report", batch_size=13))
    assert [(len(images), len(labels)) for images, labels in batches] == [(13, 13)] * 2 + [(14, 14)]
    whole, labels = next(data.batches("report", batch_size=40))
    assert torch.equal(torch.cat([images for images, _ in batches]), whole)
    assert torch.equal(torch.cat([some for _, some in batches]), labels)


def test_an_epoch_shows_every_image_once_in_an_order_of_its_own(embedded: Data) -> None:
    labels = [
        torch.cat([labels for _, labels in embedded.train_batches(batch_size=100, epoch=e, seed=0)])
        for e in (0, 1)
    ]
    assert torch.bincount(labels[0]).tolist() == torch.bincount(labels[1]).tolist() == [1000] * 10
    assert not torch.equal(*labels)


def test_a_train_batch_is_the_augmented_images_of_its_step(embedded: Data) -> None:
    images, _ = next(embedded.train_batches(batch_size=16, epoch=3, seed=5, start_step=7))
    chosen = np.random.default_rng([5, 3, 0]).permutation(10_000)[7 * 16 : 8 * 16]
    train = torch.cat([images for images, _ in embedded.batches("train", batch_size=500)])
    expected = shift_and_flip(train[torch.from_numpy(chosen)], 2, np.random.default_rng([5, 3, 8]))
    assert torch.equal(images, expected)


@pytest.mark.parametrize("resolution", [16, 72])
def test_resuming_in_the_middle_gives_the_same_bits(folder: Path, resolution: int) -> None:
    whole = load_data(str(folder), resolution=resolution)
    later = load_data(str(folder), resolution=resolution)
    expected = list(whole.train_batches(batch_size=5, epoch=2, seed=1))
    resumed = list(later.train_batches(batch_size=5, epoch=2, seed=1, start_step=4))
    assert len(expected) == whole.num_steps(5) == 36 // 5
    assert len(resumed) == len(expected) - 4
    for (images, labels), (same_images, same_labels) in zip(expected[4:], resumed, strict=True):
        assert images.shape == (5, 3, resolution, resolution)
        assert torch.equal(images, same_images)
        assert torch.equal(labels, same_labels)
    for epoch, seed in ((3, 1), (2, 2)):
        other, _ = next(whole.train_batches(batch_size=5, epoch=epoch, seed=seed))
        assert not torch.equal(other, expected[0][0])


@pytest.mark.parametrize("resolution", [16, 72])
def test_parts_of_batches_are_the_whole_ones(folder: Path, resolution: int) -> None:
    """What two processes get is, put together, what one gets, augmented alike."""
    data = load_data(str(folder), resolution=resolution)
    whole = data.train_batches(batch_size=8, epoch=0, seed=0)
    parts = [data.train_batches(batch_size=8, epoch=0, seed=0, part=(i, 2)) for i in (0, 1)]
    for (images, labels), *pair in zip(whole, *parts, strict=True):
        assert torch.equal(torch.cat([of_part for of_part, _ in pair]), images)
        assert torch.equal(torch.cat([of_part for _, of_part in pair]), labels)


def test_augmentation_can_be_chosen(folder: Path) -> None:
    data = load_data(str(folder), resolution=16)

    def first(**options: Any) -> torch.Tensor:
        return next(data.train_batches(batch_size=8, epoch=0, seed=0, **options))[0]

    plain = first(augment="none")
    assert torch.equal(first(), first(augment="cifar"))
    crops = [first(augment="imagenet", colour_jitter=jitter) for jitter in (0.0, 0.4)]
    different = [plain, first(), *crops]
    for one, other in itertools.combinations(different, 2):
        assert not torch.equal(one, other)


@pytest.mark.parametrize("resolution", [16, 72])
def test_what_is_not_kept_in_memory_is_the_same(
    folder: Path, resolution: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = load_data(str(folder), resolution=resolution)
    expected = [
        list(kept.batches("report", batch_size=7)),
        list(kept.train_batches(batch_size=7, epoch=0, seed=0)),
    ]
    monkeypatch.setattr(data_module, "MAX_BYTES_KEPT", 0)
    decoded = load_data(str(folder), resolution=resolution)
    found = [
        list(decoded.batches("report", batch_size=7)),
        list(decoded.train_batches(batch_size=7, epoch=0, seed=0)),
    ]
    for batches, same in zip(expected, found, strict=True):
        for (images, labels), (same_images, same_labels) in zip(batches, same, strict=True):
            assert torch.equal(images, same_images)
            assert torch.equal(labels, same_labels)


def test_a_kept_split_is_decoded_once(folder: Path) -> None:
    data = load_data(str(folder), resolution=16)
    first = next(data.batches("selection", batch_size=4))[0]
    for path in folder.rglob("*.png"):
        path.unlink()
    assert torch.equal(next(data.batches("selection", batch_size=4))[0], first)


def test_a_damaged_image_is_one_line_from_a_thread_too(folder: Path) -> None:
    (folder / "val" / "dog" / "7.png").write_bytes(b"damaged")
    for resolution in (16, 72):
        data = load_data(str(folder), resolution=resolution)
        with pytest.raises(DataError, match=r"val/dog/7\.png: must be an image"):
            list(data.batches("report", batch_size=8))


def test_the_record_survives_json_and_a_move(folder: Path) -> None:
    data = load_data(str(folder), resolution=16)
    recorded = json.loads(json.dumps(data.describe()))
    assert recorded["splits"]["selection"]["num_images"] == 4
    moved = folder.rename(folder.with_name("moved"))
    load_data(str(moved), resolution=16).check_same(recorded)


class CountedNames(list[str]):
    """Names that count how often one is read."""

    num_reads = 0

    def __getitem__(self, index: Any) -> Any:
        self.num_reads += 1
        return super().__getitem__(index)


def test_only_the_first_record_reads_the_names() -> None:
    """A training saves it every few seconds, whatever the number of images."""
    images = load_embedded()
    names = CountedNames(images.names)
    data = Data(dataclasses.replace(images, names=names), resolution=12, seed=0)
    first = data.describe()
    num_reads = names.num_reads
    assert data.describe() == first
    assert names.num_reads == num_reads > 0


def numbered(root: Path, num_val: int = 0) -> Path:
    """Images of the classes 1, 2 and 10, each of its own shade."""
    for part, num in (("train", 12), ("val", num_val)):
        for name, i in itertools.product(("1", "2", "10"), range(num)):
            path = root / part / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (int(name),) * 3).save(path)
    return root


def test_a_run_keeps_its_order_of_classes(tmp_path: Path) -> None:
    """Numbered classes were sorted as text before: 1, 10, 2."""
    data = load_data(str(numbered(tmp_path)), resolution=8)
    assert data.classes == ("1", "2", "10")
    recorded = json.loads(json.dumps(data.describe()))
    found = load_folder(tmp_path)
    as_text = torch.tensor([0, 2, 1])[found.labels]
    found = dataclasses.replace(found, classes=("1", "10", "2"), labels=as_text)
    before = Data(found, resolution=8, seed=0).describe()
    data.check_same(before)
    assert data.classes == ("1", "10", "2")
    for images, labels in data.batches("report", batch_size=5):
        shades = [int(data.classes[label]) for label in labels.tolist()]
        assert images[:, 0, 0, 0].tolist() == shades
    assert data.describe() == before
    data.check_same(recorded)
    assert data.classes == ("1", "2", "10")


def test_a_run_keeps_its_validation_split_whole(tmp_path: Path, capsys: Any) -> None:
    """As runs are that began before a validation split was halved."""
    data = load_data(str(numbered(tmp_path, num_val=40)), resolution=8)
    assert "split in two by seed: 60 to select subnets with, 60" in capsys.readouterr().err
    assert [data.num_images[split] for split in ("train", "selection", "report")] == [36, 60, 60]
    images = dataclasses.replace(load_folder(tmp_path), may_halve=False)
    data.check_same(Data(images, resolution=8, seed=0).describe())
    assert [data.num_images[split] for split in ("train", "selection", "report")] == [33, 3, 120]


def test_what_a_run_cannot_have_is_not_adopted(tmp_path: Path) -> None:
    data = load_data(str(numbered(tmp_path, num_val=40)), resolution=8)
    recorded = data.describe()
    (tmp_path / "train" / "10" / "0.png").unlink()
    changed = load_data(str(tmp_path), resolution=8)
    before = changed.describe()
    changed.adopt(recorded)
    assert changed.describe() == before
    with pytest.raises(DataError, match="split 'train' must hold the same 36 images"):
        changed.check_same(recorded)


DAMAGED = ("train/cat/3.png", "val/dog/7.png")


def damage(folder: Path) -> None:
    for name in DAMAGED:
        (folder / name).write_bytes((folder / name).read_bytes()[:900])


def test_damaged_images_are_left_out_and_the_run_names_them(folder: Path, capsys: Any) -> None:
    damage(folder)
    data = load_data(str(folder), resolution=16)
    data.exclude_damaged(data.check())
    assert "2 images cannot be used, such as train/cat/3.png: must be" in capsys.readouterr().err
    assert data.num_images == {"train": 35, "calibration": 35, "selection": 4, "report": 39}
    recorded = json.loads(json.dumps(data.describe()))
    assert recorded["excluded"] == list(DAMAGED)
    for split in ("train", "selection", "report"):
        assert sum(len(labels) for _, labels in data.batches(split, batch_size=7)) > 0
    for become in ("stay", "are gone", "are whole"):
        if become != "stay":
            for name in DAMAGED:
                (folder / name).unlink(missing_ok=True)
                if become == "are whole":
                    Image.new("RGB", (90, 100)).save(folder / name)
        again = load_data(str(folder), resolution=16)
        again.check_same(recorded)
        assert again.describe() == recorded, become


def checked_run(folder: Path) -> dict[str, Any]:
    """The record of a training that has checked the images in `folder`."""
    data = load_data(str(folder), resolution=16)
    data.exclude_damaged(data.check(cache=cache_of(str(folder))))
    recorded: dict[str, Any] = json.loads(json.dumps(data.describe()))
    return recorded


def test_a_folder_that_moved_has_the_same_content(folder: Path) -> None:
    recorded = checked_run(folder)
    assert all("content" in of_split for of_split in recorded["splits"].values())
    moved = folder.rename(folder.with_name("elsewhere"))
    again = load_data(str(moved), resolution=16)
    again.check_same(recorded)
    assert again.describe() == recorded | {"name": str(moved)}


@pytest.mark.parametrize("is_known", [True, False])
def test_other_photos_under_the_same_names_are_refused(
    folder: Path, is_known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = checked_run(folder)
    if not is_known:  # on another machine, which has checked none
        folder = folder.rename(folder.with_name("copied to another machine"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache of another machine"))
    photo = folder / "val" / "dog" / "7.png"
    before = photo.read_bytes()
    Image.new("RGB", (90, 100)).save(photo)
    changed = r" \(1 image, such as val/dog/7\.png\)" if is_known else ""
    for _ in range(2):  # also where the new content is known already
        with pytest.raises(DataError, match=f"split 'report' .* have changed{changed}: restore"):
            load_data(str(folder), resolution=16).check_same(recorded)
    photo.write_bytes(before)
    load_data(str(folder), resolution=16).check_same(recorded)
    photo.unlink()
    missing = r" \(1 image missing, such as val/dog/7\.png\)" if is_known else r" \(1 image"
    with pytest.raises(DataError, match=f"must hold the same 40 images .*{missing}"):
        load_data(str(folder), resolution=16).check_same(recorded)


def test_the_content_of_many_training_images_is_not_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = checked_run(folder)
    data = load_data(str(folder), resolution=16)
    for number in (4, 5):  # one that is not in `calibration`, which would be read
        Image.new("RGB", (90, 100)).save(folder / "train" / "cat" / f"{number}.png")
    monkeypatch.setattr("supernet.data.identity.MAX_TRAIN_COMPARED", 30)
    del recorded["splits"]["calibration"]["content"]
    data.check_same(recorded)
    monkeypatch.undo()
    with pytest.raises(DataError, match=r"'train' must hold the photos .* such as train/cat/4"):
        load_data(str(folder), resolution=16).check_same(recorded)


def test_a_record_of_before_has_no_content(folder: Path) -> None:
    recorded = checked_run(folder)
    for of_split in recorded["splits"].values():
        del of_split["content"]
    Image.new("RGB", (90, 100)).save(folder / "val" / "dog" / "7.png")
    load_data(str(folder), resolution=16).check_same(recorded)


def test_damaged_images_are_refused_where_that_is_asked_for(folder: Path) -> None:
    damage(folder)
    data = load_data(str(folder), resolution=16)
    with pytest.raises(DataError, match=r"2 images cannot be used, .* or omit --strict"):
        data.exclude_damaged(data.check(), strict=True)


def test_each_process_checks_its_part(folder: Path) -> None:
    data = load_data(str(folder), resolution=16)
    first, second = (data.check(part=(i, 2)) for i in (0, 1))
    assert len(first) == len(second) == 40
    assert first | second == data.check()


def test_images_of_train_in_other_splits_are_told(folder: Path, capsys: Any) -> None:
    for i in range(3):
        photo = (folder / "train" / "cat" / f"{i}.png").read_bytes()
        (folder / "val" / "cat" / f"copy{i}.png").write_bytes(photo)
    data = load_data(str(folder), resolution=16)
    data.exclude_damaged(data.check())
    err = capsys.readouterr().err
    assert "of 43 images of report are also in train, such as val/cat/copy" in err
    assert data.num_images["report"] == 43


def test_what_is_no_file_is_not_checked(embedded: Data, capsys: Any) -> None:
    before = embedded.describe()
    embedded.exclude_damaged(embedded.check(), strict=True)
    assert embedded.describe() == before
    assert capsys.readouterr().err == ""


def test_changed_data_is_noticed(folder: Path) -> None:
    recorded = load_data(str(folder), resolution=16).describe()
    with pytest.raises(DataError, match="split 'train' must hold the same"):
        load_data(str(folder), resolution=16, seed=1).check_same(recorded)
    (folder / "val" / "cat" / "0.png").rename(folder / "val" / "cat" / "new.png")
    with pytest.raises(DataError, match="split 'report' must hold the same"):
        load_data(str(folder), resolution=16).check_same(recorded)
    for part in ("train", "val"):
        (folder / part / "cat").rename(folder / part / "bird")
    with pytest.raises(DataError, match="must have the 2 classes of the run"):
        load_data(str(folder), resolution=16).check_same(recorded)


@pytest.mark.parametrize("source", ["fashion", "no/such/folder"])
def test_a_source_that_is_none_is_refused(source: str) -> None:
    with pytest.raises(DataError, match="--data must be fashion-mnist-mini, a folder"):
        load_data(source, resolution=28)


def test_a_home_folder_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert load_data(f"~/{folder.name}", resolution=8).name == str(folder)


def test_torchvisions_sets_are_loaded_by_prefix(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"torchvision:Nothing: torchvision\.datasets has no such"):
        load_data("torchvision:Nothing", resolution=28, root=tmp_path)


def test_impossible_sizes_are_refused(embedded: Data) -> None:
    with pytest.raises(DataError, match=r"`resolution >= 1` must hold, but got 0"):
        load_data("fashion-mnist-mini", resolution=0)
    for batch_size in (0, 10_001):
        with pytest.raises(DataError, match=f"must hold, but got {batch_size}: pass --batch-size"):
            embedded.num_steps(batch_size)
