"""Data: batches of images for training and evaluation, from any source."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from supernet.bar import Bar
from supernet.data.check import Checked, check_images, duplicates
from supernet.data.decode import MAX_SMALL_RESOLUTION, centre_squares, random_squares
from supernet.data.folders import load_folder
from supernet.data.identity import (
    as_recorded,
    contents,
    digests,
    recorded_contents,
    recorded_digests,
    require_content,
    require_names,
)
from supernet.data.labels import look_alikes
from supernet.data.lists import is_list, load_list
from supernet.data.parquet import is_parquet, load_parquet
from supernet.data.preprocess import NORMALISATIONS, channel_statistics, shift_and_flip
from supernet.data.scan import counted
from supernet.data.shards import is_sharded, load_shards
from supernet.data.sources import EMBEDDED, ImageSet, load_embedded, without
from supernet.data.splits import SPLITS, split_images, split_notes
from supernet.data.torchvision_sets import DEFAULT_ROOT, PREFIX, load_torchvision
from supernet.errors import DataError
from supernet.tell import to_stderr

# A split larger than 10,000 images of 224 pixels is not cached but decoded each time it is read.
MAX_BYTES_KEPT = 10_000 * 224 * 224 * 3
DECODE_BATCH = 256


def load_data(
    source: str,
    *,
    resolution: int,
    seed: int = 0,
    root: Path = DEFAULT_ROOT,
    normalisation: str = "data",
    tell: Callable[[str], None] = to_stderr,
) -> "Data":
    """Open a source: `fashion-mnist-mini`, `torchvision:NAME`, a folder or a list.

    A folder holds images in `train/<class>/`, WebDataset shards `train-*.tar` or Hugging Face's
    `train-*.parquet`; a list is a CSV or JSON Lines file (`load_list`). What people should know of
    it goes to `tell`. `resolution` is the side of the delivered images in pixels, the highest that
    is trained. `seed` determines the splits; `root` is the folder of torchvision's data sets;
    `normalisation` is that of the job's hyperparameters.

    Raises DataError when the source cannot be found, read or split.
    """
    if resolution < 1:
        raise DataError(f"`resolution >= 1` must hold, but got {resolution}")
    open_as = partial(Data, resolution=resolution, seed=seed, normalisation=normalisation)
    if source == EMBEDDED:
        return open_as(load_embedded())
    if source.startswith(PREFIX):
        name = source.removeprefix(PREFIX)
        return open_as(load_torchvision(name, root))
    folder = Path(source).expanduser()
    if not is_on_disk(source):
        raise DataError(
            f"--data must be {EMBEDDED}, a folder with train/<class>/, train-*.tar or "
            f"train-*.parquet, a .csv or .jsonl file, or {PREFIX}NAME, but got {source!r}"
        )
    if is_list(folder):
        images = load_list(folder)
    elif is_sharded(folder):
        images = load_shards(folder)
    else:
        images = load_parquet(folder) if is_parquet(folder) else load_folder(folder)
    for note in images.notes:  # before what may be refused because of it
        tell(note)
    if alike := look_alikes(images.classes):
        others = f" (and {len(alike) - 1} more such pairs)" if len(alike) > 1 else ""
        tell(f"{images.name}: {alike[0]}{others}")
    data = open_as(images)
    for note in split_notes(images, data.splits):
        tell(note)
    return data


def is_named(source: str) -> bool:
    """Whether `load_data` takes it for the name of a data set, not for a folder or a list."""
    return source == EMBEDDED or source.startswith(PREFIX)


def is_on_disk(source: str) -> bool:
    """Whether `load_data` takes it for a folder or a list, and that is there."""
    path = Path(source).expanduser()
    return not is_named(source) and (path.is_dir() or is_list(path))


def cut(num_images: int, batch_size: int) -> list[int]:
    """Sizes of the batches of `num_images` images: `batch_size`, and a smaller last one.

    Where a single image would be left over, the last batch takes it too: BN layers have no variance
    of one image. Image i is row i - b * batch_size of batch b = min(i // batch_size, last batch).
    """
    whole, rest = divmod(num_images, batch_size)
    sizes = [batch_size] * whole
    if rest == 1 and whole:
        sizes[-1] += 1
    elif rest:
        sizes.append(rest)
    return sizes


class Data:
    """One source's images in four splits (supernet/data/splits.py), as RGB at one resolution.

    Greyscale images are repeated to three channels, so that every network takes the same input.
    A split is decoded when it is first read, and cached in memory if it is small enough.
    """

    def __init__(
        self, images: ImageSet, *, resolution: int, seed: int, normalisation: str = "data"
    ) -> None:
        """Split `images` by `seed`; nothing is decoded yet. Raises DataError (split_images)."""
        if normalisation not in ("data", *NORMALISATIONS):
            known = ", ".join(("data", *NORMALISATIONS))
            raise DataError(f"`normalisation` must be one of {known}, but got {normalisation}")
        self.resolution, self.seed, self.normalisation = resolution, seed, normalisation
        self._found, self._excluded = images, frozenset[str]()
        self._use(images, split_images(images, seed))

    def _use(self, images: ImageSet, splits: dict[str, Tensor]) -> None:
        """Begin with these images and splits, and forget what was computed of others."""
        self._images, self._splits = images, splits
        self._kept: dict[str, Tensor] = {}
        self._contents: dict[str, str] = {}
        for computed in ("_statistics", "_digests"):
            self.__dict__.pop(computed, None)

    @property
    def name(self) -> str:
        """The name or folder that was given."""
        return self._images.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; label i is classes[i]."""
        return self._images.classes

    @property
    def splits(self) -> Mapping[str, Tensor]:
        """The images' indices in each of SPLITS."""
        return self._splits

    @property
    def class_counts(self) -> dict[str, list[int]]:
        """How many images of each class each split has."""
        labels, num_classes = self._images.labels, len(self.classes)
        return {
            split: torch.bincount(labels[indices], minlength=num_classes).tolist()
            for split, indices in self._splits.items()
        }

    @property
    def num_images(self) -> dict[str, int]:
        """How many images each split has."""
        return {split: len(indices) for split, indices in self._splits.items()}

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean of each channel for images in 0..1, by which they are normalised.

        Over the pixels of `calibration`, unless `normalisation` names another.
        """
        return self._statistics[0]

    @property
    def std(self) -> tuple[float, ...]:
        """Standard deviation of each channel, likewise; at least one grey level."""
        return self._statistics[1]

    @cached_property
    def _statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        if self.normalisation in NORMALISATIONS:
            return NORMALISATIONS[self.normalisation]
        return channel_statistics(
            images for images, _ in self.batches("calibration", batch_size=DECODE_BATCH)
        )

    def describe(self) -> dict[str, Any]:
        """What a run records about its data, as JSON values; see `check_same`."""
        return {
            "name": self.name,
            "classes": list(self.classes),
            "resolution": self.resolution,
            "seed": self.seed,
            "mean": list(self.mean),
            "std": list(self.std),
            "splits": {
                split: {"num_images": self.num_images[split], "sha256": self._digests[split]}
                | ({"content": self._contents[split]} if split in self._contents else {})
                for split in SPLITS
            },
            **({"excluded": sorted(self._excluded)} if self._excluded else {}),
        }

    def check(
        self, *, cache: Path | None = None, part: tuple[int, int] = (0, 1)
    ) -> dict[str, Checked]:
        """Decode all images once, in parallel; what is known of each, by name.

        `cache` is a file that keeps it (`check_images`). `part` (i, n) checks the i-th of n parts,
        for one of n processes. Images that are not files, such as a dataset's, are passed over.
        """
        indices = range(part[0], len(self._images.names), part[1])
        return check_images(self._images, indices, cache)

    def exclude_damaged(
        self,
        checked: Mapping[str, Checked],
        *,
        strict: bool = False,
        tell: Callable[[str], None] = to_stderr,
    ) -> None:
        """Leave out the images that cannot be decoded, tell so, and split the others.

        `checked` is what `check` found of all images. The run's record names those left out, so
        that it does not matter what becomes of them. Tells how many images are in two splits, too.

        Raises DataError where there are any and `strict`, or where too few are left.
        """
        if not checked:  # images that are no files
            return
        problems = {name: each.problem for name, each in checked.items() if each.problem}
        if problems:
            first, why = min(problems.items())
            num_images = counted(len(problems), "image(s)")
            found = f"{self.name}: {num_images} cannot be used, such as {first}: {why}"
            if strict:
                raise DataError(f"{found} (repair or remove them, or omit --strict)")
            tell(f"{found}; left out")
            self._excluded = frozenset(problems)
            images = without(self._found, self._excluded)
            self._use(images, split_images(images, self.seed))
        self._contents = contents(self._images, self._splits, checked)
        names = {
            split: [self._images.names[i] for i in indices.tolist()]
            for split, indices in self._splits.items()
        }
        for line in duplicates(names, checked):
            tell(f"{self.name}: {line}")

    def adopt(self, recorded: dict[str, Any]) -> None:
        """Take over what a run decided of the same images; see `identity.as_recorded`.

        Where the images cannot give the run's splits, nothing changes.
        """
        now = self._images, self._splits
        if (list(self.classes), self._digests) != (recorded["classes"], recorded_digests(recorded)):
            now = as_recorded(self._found, self.seed, recorded) or now
        if now[0] is not self._images:
            self._use(*now)
        if self._digests == recorded_digests(recorded):
            self._excluded = frozenset(recorded.get("excluded", ()))
            self._contents = recorded_contents(recorded)

    def check_same(self, recorded: dict[str, Any]) -> None:
        """Raise DataError unless splits and classes equal those that `describe` recorded.

        Compares the names and labels of images and, where the run recorded it, the content of their
        files; a folder may have moved. Adopts what the run decided first.
        """
        self.adopt(recorded)
        require_names(self._images, self._digests, recorded)
        require_content(self._images, self._splits, recorded)

    @cached_property
    def _digests(self) -> dict[str, str]:
        """Computed once, for each saved state has it."""
        return digests(self._images, self._splits)

    def batches(self, split: str, *, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield a split once, in fixed order, without augmentation, in batches as `cut` says.

        Images are uint8 [N, 3, resolution, resolution] in channels_last: the shorter side is
        resized, then the centre square is cropped; labels are int64 [N].

        Raises DataError, which names the image, if one is damaged.
        """
        indices = self._splits[split]
        sizes = cut(len(indices), batch_size)
        labels = torch.split(self._images.labels[indices], sizes)
        images: Iterable[Tensor]
        if self._is_kept(split):
            images = torch.split(self._keep(split), sizes)
        else:
            batches = torch.split(indices, sizes)
            images = centre_squares(self._images, batches, self.resolution)
        yield from zip(images, labels, strict=True)

    def num_steps(self, batch_size: int) -> int:
        """How many full batches `train_batches` yields in an epoch.

        Raises DataError when there is not even one.
        """
        if not 1 <= batch_size <= self.num_images["train"]:
            raise DataError(
                f"`1 <= batch_size <= {self.num_images['train']}` (the training images) must hold,"
                f" but got {batch_size}: pass --batch-size within that, or add images"
            )
        return self.num_images["train"] // batch_size

    def train_batches(
        self,
        *,
        batch_size: int,
        epoch: int,
        seed: int,
        start_step: int = 0,
        augment: str = "auto",
        colour_jitter: float = 0.0,
        part: tuple[int, int] = (0, 1),
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield one epoch's full batches of `train` from `start_step` on, shuffled and augmented.

        A batch is a pure function of seed, epoch and step: bit-identical whatever `start_step` was.
        `augment` is "cifar": a random shift by up to 4 pixels (below 32: 2) and flip; "imagenet": a
        random resized crop and flip, with `colour_jitter`; "none"; "auto": cifar up to 64 pixels a
        side, imagenet above. `part` (i, n) selects the i-th of n equal parts of each batch, for one
        of n processes.

        Images are uint8 [N, 3, resolution, resolution] in channels_last; labels are int64 [N].
        Raises DataError as `batches` and `num_steps` do.
        """
        num_steps = self.num_steps(batch_size)
        # Stream 0 of an epoch shuffles it, stream 1 + step augments that step's batch.
        order = np.random.default_rng([seed, epoch, 0]).permutation(self.num_images["train"])
        steps = range(start_step, num_steps)
        size = batch_size // part[1]
        starts = [s * batch_size + part[0] * size for s in steps]
        chosen = [torch.from_numpy(order[start : start + size]) for start in starts]
        rngs = [np.random.default_rng([seed, epoch, 1 + step]) for step in steps]
        indices = [self._splits["train"][positions] for positions in chosen]
        labels = [self._images.labels[batch] for batch in indices]
        if augment == "auto":
            augment = "cifar" if self.resolution <= MAX_SMALL_RESOLUTION else "imagenet"
        images: Iterator[Tensor]
        if augment == "imagenet":
            images = random_squares(
                self._images, indices, rngs, self.resolution, part, colour_jitter
            )
        else:
            images = self._whole_squares(chosen)
            if augment == "cifar":
                images = self._shifted(images, rngs, part)
        yield from zip(images, labels, strict=True)

    def _shifted(
        self, batches: Iterator[Tensor], rngs: list[np.random.Generator], part: tuple[int, int]
    ) -> Iterator[Tensor]:
        max_shift = 4 if self.resolution >= 32 else 2
        for batch, rng in zip(batches, rngs, strict=True):
            yield shift_and_flip(batch, max_shift, rng, part)

    def _whole_squares(self, chosen: list[Tensor]) -> Iterator[Tensor]:
        """The centre squares of batches of training images."""
        if self._is_kept("train"):
            return (self._keep("train")[positions] for positions in chosen)
        indices = [self._splits["train"][positions] for positions in chosen]
        return centre_squares(self._images, indices, self.resolution)

    def _is_kept(self, split: str) -> bool:
        return self.num_images[split] * self.resolution**2 * 3 <= MAX_BYTES_KEPT

    def _keep(self, split: str) -> Tensor:
        """Return a whole split; it is decoded the first time."""
        if split not in self._kept:
            shape = (self.num_images[split], self.resolution, self.resolution, 3)
            images = torch.empty(shape, dtype=torch.uint8).permute(0, 3, 1, 2)
            indices = torch.split(self._splits[split], DECODE_BATCH)
            squares = centre_squares(self._images, indices, self.resolution)
            decoded = Bar(
                squares, f"decode {split}", len(indices), unit="batch", delay=2.0, leave=False
            )
            for place, batch in zip(torch.split(images, DECODE_BATCH), decoded, strict=True):
                place.copy_(batch)
            self._kept[split] = images
        return self._kept[split]
