"""Image folders: `train/<class>/` with `val/` and `test/` beside it, or just a folder a class.

Folders are as people leave them: splits in other spellings, hidden files, links, formats that
cannot be opened. Notes name what is not taken; nothing is dropped in silence.
"""

import os
from pathlib import Path

import torch
from PIL import Image

from supernet.data.scan import (
    Findings,
    composed,
    counted,
    file_stamp,
    is_folder,
    is_hidden,
    scan_classes,
    visible,
)
from supernet.data.sources import ImageSet, lay_out
from supernet.data.splits import SPELLINGS
from supernet.errors import DataError
from supernet.tell import readable

MAX_WRAPPERS = 5
"""Folders in folders, as archives make them, that are looked through for the one that is meant."""


def load_folder(folder: Path) -> ImageSet:
    """Find the images in `folder/train/<class>/`, at any depth, and in `val` and `test` likewise.

    `val` or `test` alone is the split `report` (of `val` alone, `split_images` may give half to
    `selection`); of both, `val` is `selection` and `test` is `report`. Other spellings of the three
    are taken, too. Without any of them, the folders in `folder` are the classes, and all their
    images are `train`. Classes and images are sorted independently of the file system.

    Raises DataError unless all classes are in `train`.
    """
    findings = Findings(folder)
    parts = _parts(folder, findings)
    seen = {os.path.realpath(path) for path in (folder, *parts.values())}
    found = {split: scan_classes(path, seen, findings) for split, path in parts.items()}
    if not found["train"]:
        raise DataError(f"{parts['train']}: must hold one folder a class, but holds none")
    for split, classes in list(found.items()):
        if split != "train" and not any(classes.values()):
            del found[split]
            lacks = "images in the folders of its classes" if classes else "folders of classes"
            findings.say(f"{parts[split].name}/ is ignored: it has no {lacks}")
    if may_halve := "selection" in found and "report" not in found:
        found["report"] = found.pop("selection")
        parts["report"] = parts.pop("selection")
    paths, labels = _labelled(found, parts, findings)
    start = os.path.join(folder, "")
    sizes = {split: sum(map(len, by_class.values())) for split, by_class in found.items()}
    return ImageSet(
        name=str(folder),
        classes=tuple(map(readable, found["train"])),
        labels=torch.tensor(labels, dtype=torch.int64),
        names=[readable(path.removeprefix(start).replace(os.sep, "/")) for path in paths],
        official=lay_out(sizes),
        open=lambda index: Image.open(paths[index]),
        content=lambda index: Path(paths[index]).read_bytes(),
        stamp=lambda index: file_stamp(paths[index]),
        may_halve=may_halve,
        notes=findings.notes(),
    )


def _labelled(
    found: dict[str, dict[str, list[str]]], parts: dict[str, Path], findings: Findings
) -> tuple[list[str], list[int]]:
    """Paths and labels of all images, split by split; `found` has them by split and class.

    Raises DataError where a held-out split has a class that `train` has not.
    """
    label_of = {composed(name): (label, name) for label, name in enumerate(found["train"])}
    paths, labels = list[str](), list[int]()
    for split, by_class in found.items():
        others = []
        for name, images in by_class.items():
            label, expected = label_of.get(composed(name), (-1, ""))
            if label < 0:
                raise DataError(
                    f"{parts[split]}: every class must be in train/ too, not {readable(name)!r}"
                )
            if name != expected:
                others.append(readable(name))
            paths += images
            labels += [label] * len(images)
        if others:
            findings.say(
                f"{parts[split].name}/ has {counted(len(others), 'class(es)')} in another Unicode"
                f" form than {parts['train'].name}/, such as {others[0]}: taken as the same"
            )
    return paths, labels


def _parts(folder: Path, findings: Findings) -> dict[str, Path]:
    """The folder of each split, `train` first; where there are none, `folder` itself is `train`.

    Raises DataError where the layout is another or ambiguous.
    """
    folders = [Path(entry.path) for entry in visible(folder, findings) if is_folder(entry)]
    parts: dict[str, Path] = {}
    for path in folders:
        if (split := SPELLINGS.get(path.name.casefold())) is None:
            continue
        if split in parts:
            raise DataError(
                f"{folder}: must have one folder of each split, but has {parts[split].name!r} and "
                f"{path.name!r}: merge or rename them"
            )
        parts[split] = path
    if not parts and len(folders) > 1:
        _check_classes(folders)
        names = ", ".join(readable(path.name) for path in folders[:3])
        findings.say(
            f"without train/, its {len(folders)} folders are the classes ({names}"
            f"{', ...' if len(folders) > 3 else ''}), split by seed"
        )
        return {"train": folder}
    if "train" not in parts:
        inner = _meant(folders)
        raise DataError(
            f"{folder}: must be a folder with train/<class>/, but has no train/"
            + (f": pass {inner}" if inner else "")
        )
    if ignored := [path.name for path in folders if path not in parts.values()]:
        findings.say(f"ignored beside train/: {', '.join(ignored[:5])}; val/ and test/ are read")
    by_real_path = {os.path.realpath(path): path for path in parts.values()}
    if len(by_real_path) < len(parts):
        raise DataError(f"{folder}: each split must have a folder of its own: remove a link")
    return {split: parts[split] for split in ("train", "selection", "report") if split in parts}


def _check_classes(folders: list[Path]) -> None:
    """Raise DataError where one of what would be classes is itself a folder of splits."""
    inner = [path for path in folders if _has_train(path)]
    if len(inner) > 1 and not any(_holds_folders(path) for path in inner):
        name = readable(inner[0].name)
        raise DataError(
            f"{inner[0].parent}: must be a folder with train/<class>/, but has <class>/train/: "
            f"move {name}/train/ to train/{name}/, and so on"
        )
    if inner:
        raise DataError(
            f"{inner[0].parent}: must be a folder with train/<class>/, but has no train/: "
            f"pass {inner[0]}"
        )


def _meant(folders: list[Path]) -> Path | None:
    """The folder that should have been given: one of these, or below the only one there is."""
    for _ in range(MAX_WRAPPERS):
        if found := next((path for path in folders if _has_train(path)), None):
            return found
        if len(folders) != 1:
            return None
        (only,) = folders
        try:
            folders = [path for path in sorted(only.iterdir()) if path.is_dir()]
        except OSError:  # told when it is read
            return None
        folders = [path for path in folders if not is_hidden(path.name)]
        if len(folders) > 1 and not any(map(_has_train, folders)):
            return only
    return None


def _holds_folders(folder: Path) -> bool:
    """Whether the splits in a folder hold folders, as those of classes, or can't be read."""
    try:
        splits = [path for path in folder.iterdir() if path.name.casefold() in SPELLINGS]
        inside = [path for split in splits if split.is_dir() for path in split.iterdir()]
    except OSError:  # told when it is read
        return True
    return any(path.is_dir() and not is_hidden(path.name) for path in inside)


def _has_train(folder: Path) -> bool:
    try:
        return any(SPELLINGS.get(name.casefold()) == "train" for name in os.listdir(folder))
    except OSError:  # told when it is read
        return False
