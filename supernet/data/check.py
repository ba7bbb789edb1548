"""Check: every image decoded once, in parallel, before the work that one would end.

What was found is kept in a file of the user's cache, a line an image, so that only new and changed
images are decoded again. The data's own folder is never written to.
"""

import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from hashlib import blake2b
from itertools import combinations
from pathlib import Path

from PIL import Image

from supernet.bar import Bar
from supernet.data.decode import num_workers
from supernet.data.orientation import orientation_of
from supernet.data.sources import ImageSet, as_rgb, complaint

BATCH = 256
SEPARATOR = b'", "'
"""Between an image's name and its stamp, in the cache."""


@dataclass(frozen=True)
class Checked:
    """What is known of one image."""

    digest: str
    """64 bits of its file's BLAKE2b; empty where it cannot be read."""
    width: int
    height: int
    orientation: int
    """EXIF orientation, 1 to 8; 1 is upright."""
    problem: str
    """Why it cannot be used; empty where it can."""


def check_images(
    images: ImageSet, indices: Sequence[int], cache: Path | None = None
) -> dict[str, Checked]:
    """Decode the images at `indices` that are not in the `cache` yet, and add them to it.

    Returns what is known of each, by name. JPEGs are decoded at an eighth of their size: that reads
    all of the file in a third of the time. Images that are not files are passed over. A cache that
    cannot be written is none.
    """
    if images.content is None or images.stamp is None:
        return {}
    known = dict(_lines(cache)) if cache else {}
    found, new = dict[str, Checked](), list[tuple[int, str]]()
    for index in indices:
        stamp = _stamp(images, index)
        line = known.get(_key(images.names[index]))
        before = _parsed(line) if line else None
        if stamp and before and before[1] == stamp:
            found[images.names[index]] = before[2]
        else:
            new.append((index, stamp))
    bar = Bar(total=len(new), desc="check", unit="image", delay=2.0, leave=False)
    with ThreadPoolExecutor(num_workers(), thread_name_prefix="check") as pool, bar:
        for some in (new[start : start + BATCH] for start in range(0, len(new), BATCH)):
            checked = list(pool.map(lambda pair: _check(images, pair[0]), some))
            lines = [
                (images.names[index], stamp, each)
                for (index, stamp), each in zip(some, checked, strict=True)
            ]
            found |= {name: each for name, _, each in lines}
            if cache:
                _add(cache, lines)
            bar.update(len(some))
    return found


def duplicates(splits: Mapping[str, Sequence[str]], checked: Mapping[str, Checked]) -> list[str]:
    """A line for each two splits with the same images, by content; `splits` has the names."""
    lines = []
    for first, second in combinations(("train", "selection", "report"), 2):
        of_first = {checked[name].digest: name for name in splits[first] if name in checked}
        known = [name for name in splits[second] if name in checked]
        if same := [name for name in known if checked[name].digest in of_first]:
            lines.append(
                f"{len(same)} of {len(splits[second])} images of {second} are also in {first}, such"
                f" as {same[0]} = {of_first[checked[same[0]].digest]}: accuracies will be too high"
            )
    return lines


def cache_of(folder: str) -> Path:
    """The file in the user's cache that keeps what was found of the images in `folder`."""
    place = os.path.realpath(os.path.expanduser(folder))
    name = blake2b(os.fsencode(place), digest_size=8).hexdigest()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "mutualnas" / "checked" / f"{name}.jsonl"


def history(cache: Path) -> dict[str, list[str]]:
    """The digests that each image in a cache had, by name, the last one last."""
    found: dict[str, list[str]] = {}
    for _, line in _lines(cache):
        if parsed := _parsed(line):
            found.setdefault(parsed[0], []).append(parsed[2].digest)
    return found


def _stamp(images: ImageSet, index: int) -> str:
    assert images.stamp is not None
    try:
        return images.stamp(index)
    except OSError:  # told when it is read
        return ""


def _check(images: ImageSet, index: int) -> Checked:
    assert images.content is not None
    digest, size, orientation, problem = "", (0, 0), 1, ""
    try:
        content = images.content(index)
        digest = blake2b(content, digest_size=8).hexdigest()
        with Image.open(io.BytesIO(content)) as image:
            size = image.size
            image.draft(None, (1, 1))
            as_rgb(image)
            orientation = orientation_of(image)
    except Exception as error:  # as ImageSet.read
        problem = complaint(error)
    return Checked(digest, *size, orientation, problem)


def _lines(cache: Path) -> Iterator[tuple[bytes, bytes]]:
    """Each line of a cache with its key (`_key`); a line is parsed only where it is needed."""
    try:
        lines = cache.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        yield line[: line.find(SEPARATOR)], line


def _key(name: str) -> bytes:
    """What a line about that image begins with; a name in JSON can't contain SEPARATOR."""
    return json.dumps([name])[:-2].encode()


def _parsed(line: bytes) -> tuple[str, str, Checked] | None:
    """Name, stamp and what is known; None for a line that a kill cut off or of another version."""
    try:
        name, stamp, *values = json.loads(line)
        return name, stamp, Checked(*values)
    except (ValueError, TypeError):
        return None


def _add(cache: Path, checked: Iterable[tuple[str, str, Checked]]) -> None:
    """Append lines in one write, for other processes may write, too."""
    lines = "".join(
        json.dumps([name, stamp, *astuple(each)]) + "\n" for name, stamp, each in checked if stamp
    )
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with cache.open("ab", buffering=0) as file:
            file.write(lines.encode())
    except OSError:  # then it is checked again next time
        return
