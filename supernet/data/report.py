"""Report: what `python -m supernet.data` prints of a data set."""

from collections.abc import Iterator, Mapping
from statistics import median

from supernet.data.check import Checked
from supernet.data.dataset import Data
from supernet.data.scan import counted

RESOLUTIONS = (
    (224, 192, 160, 128),
    (128, 112, 96, 80, 64),
    (96, 80, 64, 48),
    (64, 56, 48, 40),
    (32, 28, 24, 20),
)
"""Recommended for photos whose shorter side is at least the first of them."""
MODELS = ((64, "mobilenet_v2 --weights imagenet"), (0, "wrn_16_2"))
"""The network for photos whose shorter side is at least that."""
BATCH_SIZES = ((128, 32), (32, 8), (0, 4))
"""Batch size from a number of training images on: that of the preset `finetune`, whose learning
rate suits it, unless too few steps would make an epoch."""
SHOWN_SPLITS = ("train", "selection", "report")
MAX_NAMED = 50


def brief(data: Data) -> str:
    """What was found, in one line: how many images of how many classes, and the smallest class."""
    counts, num_images = data.class_counts["train"], data.num_images
    fewest = min(range(len(counts)), key=counts.__getitem__)
    return (
        f"{data.name}: {counted(len(data.classes), 'class(es)')}, {num_images['train']:,} images to"
        f" train on, {num_images['selection']:,} to select with, {num_images['report']:,} to "
        f"report on; fewest to train on: {data.classes[fewest]}, {counts[fewest]:,}"
    )


def report(data: Data, checked: Mapping[str, Checked]) -> Iterator[str]:
    """Yield the lines; `checked` is what `Data.check` found before damaged images were left out."""
    yield from _classes(data)
    yield from _damaged(checked)
    usable = [each for each in checked.values() if not each.problem]
    yield ""
    if usable:
        yield from _sizes(usable)
        yield _recommended(data, usable)
    else:
        yield "sizes: unknown, for these images are not files"


def _classes(data: Data) -> Iterator[str]:
    """A table of the number of images of each class in each split."""
    counts = data.class_counts
    widest = max(len("class"), *map(len, data.classes))
    yield " ".join(["class".ljust(widest), *(f"{split:>10}" for split in SHOWN_SPLITS)])
    for label, name in enumerate(data.classes):
        numbers = (f"{counts[split][label]:>10,}" for split in SHOWN_SPLITS)
        yield " ".join([name.ljust(widest), *numbers])
    totals = (f"{data.num_images[split]:>10,}" for split in SHOWN_SPLITS)
    yield " ".join(["all".ljust(widest), *totals])
    typical = median(counts["train"])
    few = [
        name
        for name, count in zip(data.classes, counts["train"], strict=True)
        if count < max(10, typical / 10)
    ]
    if few:
        yield f"few training images: {', '.join(few[:MAX_NAMED])}"


def _damaged(checked: Mapping[str, Checked]) -> Iterator[str]:
    problems = sorted((name, each.problem) for name, each in checked.items() if each.problem)
    if problems:
        yield ""
        yield f"{counted(len(problems), 'image(s)')} cannot be used:"
        yield from (f"  {name}: {problem}" for name, problem in problems[:MAX_NAMED])
        if len(problems) > MAX_NAMED:
            yield f"  and {len(problems) - MAX_NAMED} more"


def _sizes(usable: list[Checked]) -> Iterator[str]:
    for name, values in (
        ("shorter side", sorted(min(each.width, each.height) for each in usable)),
        ("longer side", sorted(max(each.width, each.height) for each in usable)),
    ):
        middle = values[len(values) // 2]
        yield f"{name}: {values[0]} to {values[-1]} px, median {middle}"
    if turned := sum(each.orientation != 1 for each in usable):
        yield f"orientation: {turned} of {len(usable)} stored sideways, taken upright"
    if few := sum(each.digest != "" for each in usable) - len({each.digest for each in usable}):
        yield f"copies: {counted(few, 'image(s)')} with the same content as another one"


def _recommended(data: Data, usable: list[Checked]) -> str:
    """Arguments of a training."""
    sides = sorted(min(each.width, each.height) for each in usable)
    middle = sides[len(sides) // 2]
    resolutions = next((each for each in RESOLUTIONS if each[0] <= middle), RESOLUTIONS[-1])
    num_train = data.num_images["train"]
    batch_size = next(size for least, size in BATCH_SIZES if num_train >= least)
    model = next(name for least, name in MODELS if middle >= least)
    sides_given = " ".join(map(str, resolutions))
    return f"recommended: --model {model} --resolutions {sides_given} --batch-size {batch_size}"
