"""Data sets of torchvision by name: `torchvision:CIFAR10`."""

import difflib
import inspect
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import ConcatDataset

from supernet.data.labels import check_labels, class_names, labels_of
from supernet.data.sources import ImageSet, lay_out
from supernet.errors import DataError

PREFIX = "torchvision:"
DEFAULT_ROOT = Path("~/.cache/mutualnas")


def load_torchvision(name: str, root: Path = DEFAULT_ROOT) -> ImageSet:
    """Load `torchvision.datasets.<name>` from `root`, downloading what is missing.

    `train` is the data set's training split, `report` its test split, or else its validation split.
    Downloads, checksums and file formats are handled by torchvision.

    Raises DataError when there is no such data set, it needs further arguments, an image does not
    have exactly one label, or it cannot be downloaded.
    """
    factory = _find(name)
    known = inspect.signature(factory).parameters
    train = _construct(factory, root, {"train": True} if "train" in known else {})
    parts = {"train": train}
    if (report := _report(factory, root, known)) is not None:
        parts["report"] = report
    labels = {part: labels_of(dataset, f"{PREFIX}{name}") for part, dataset in parts.items()}
    check_labels(labels["train"], torch.cat(list(labels.values())), f"{PREFIX}{name}")
    everything: ConcatDataset[Any] = ConcatDataset(list(parts.values()))
    return ImageSet(
        name=f"{PREFIX}{name}",
        classes=class_names(train, int(max(part.max() for part in labels.values())) + 1),
        labels=torch.cat(list(labels.values())),
        names=[f"{part}[{i}]" for part in parts for i in range(len(labels[part]))],
        official=lay_out({part: len(of_part) for part, of_part in labels.items()}),
        open=lambda index: everything[index][0],
    )


def _find(name: str) -> Any:
    """Return the class of a data set that needs only a folder and the name of a split."""
    from torchvision import datasets  # takes seconds to import

    names = datasets.__all__
    if name not in names:
        near = ", ".join(difflib.get_close_matches(name, names)) or "CIFAR10, FashionMNIST, ..."
        raise DataError(
            f"{PREFIX}{name}: torchvision.datasets has no such data set; similar names: {near}"
        )
    factory = getattr(datasets, name)
    parameters = inspect.signature(factory).parameters
    needed = [
        parameter.name
        for parameter in parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    if needed != ["root"] or not {"train", "split", "download"} & set(parameters):
        raise DataError(
            f"{PREFIX}{name}: must need no argument but a folder, and take `train`, `split` or"
            f" `download`, but its arguments are {', '.join(parameters)}"
        )
    return factory


def _construct(factory: Any, root: Path, arguments: dict[str, Any]) -> Any:
    folder = root.expanduser()
    if "download" in inspect.signature(factory).parameters:
        arguments = arguments | {"download": True}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return factory(str(folder), **arguments)
    except (OSError, RuntimeError, ImportError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"{PREFIX}{factory.__name__}: must be in {folder} (--data-root) or be downloadable, "
            f"but {reason}"
        ) from error


def _report(factory: Any, root: Path, known: Any) -> Any:
    """Return the data set's test images, else its validation images, else None."""
    if "train" in known:
        return _construct(factory, root, {"train": False})
    for part in ("test", "val", "valid") if "split" in known else ():
        try:
            return _construct(factory, root, {"split": part})
        except DataError:
            raise
        except ValueError:  # torchvision's "Unknown value 'test' for argument split"
            continue
    return None
