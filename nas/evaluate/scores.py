"""Scores: which images each config classifies correctly, kept with the supernet for every search.

Accuracy does not depend on the target, so a search for another target, a worker or another sampler
scores only what none has scored before. The file is JSON lines, which are only ever appended, under
a lock: a process that is killed leaves at most a part of a line, which is passed over.

A line counts only for equal weights, channel groups, number type and images (`score_key`). It does
not record the device, the threads or the version of PyTorch: they change the last bits of a sum,
and with them the answer for few images or none. Of two scores of an image, the first line's counts,
so that all later searches see the same.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock

from nas.evaluate.evaluation import Bits, from_text, to_text
from supernet import SubnetConfig, Supernet
from supernet.evaluate.accuracy import Images
from supernet.tell import to_stderr

PATIENCE_S = 30.0
"""Seconds to wait for a process that appends; longer means that it hangs."""

Key = tuple[int, ...]
"""Kept channels of each group, and resolution; equal for widths that round to the same."""


@dataclass(frozen=True)
class Score:
    """What is known of one config's answers for the N images of `selection`, in their order."""

    scored: Bits
    """(N,), whether each image has been scored."""
    correct: Bits
    """(N,), whether it was classified correctly; False where it was not scored."""

    @classmethod
    def nothing(cls, num_images: int) -> "Score":
        """No image is scored."""
        return cls(np.zeros(num_images, dtype=bool), np.zeros(num_images, dtype=bool))

    @property
    def is_whole(self) -> bool:
        """Whether all images are scored."""
        return bool(self.scored.all())

    def merged(self, later: "Score") -> "Score":
        """Images of both; where both scored an image, this one's answer."""
        correct = np.where(self.scored, self.correct, later.correct)
        return Score(self.scored | later.scored, correct)


def scores_file(run: Path) -> Path:
    """The file of scores of the supernet of a run."""
    return run / "supernet" / "scores.jsonl"


class Scores:
    """The scores of one supernet's configs on one set of images, in a file that processes share.

    A file that cannot be read or written is told in one line and then done without.

    Args:
        path: of the file; it need not exist.
        supernet: whose configs are scored.
        weights_sha256: of the supernet's weights.
        images: on the device that scores them.
        tell: gets each line that people should see.
        dtype: what the scores are computed in; by default PyTorch's float type on the device.
    """

    def __init__(
        self,
        path: Path,
        supernet: Supernet,
        weights_sha256: str,
        images: Images,
        *,
        tell: Callable[[str], None] = to_stderr,
        dtype: str | None = None,
    ) -> None:
        self.path, self.supernet, self.images, self.tell = path, supernet, images, tell
        self.dtype = dtype or number_type(images.device)
        self._weights_sha256 = weights_sha256
        self._found: dict[Key, Score] = {}
        self._configs: dict[Key, SubnetConfig] = {}
        self._num_read = 0  # bytes, up to the end of a line
        self._is_usable = True

    def in_dtype(self, dtype: str) -> "Scores":
        """The scores of the same supernet in another number type, kept in the same file."""
        weights = self._weights_sha256
        return Scores(self.path, self.supernet, weights, self.images, tell=self.tell, dtype=dtype)

    @property
    def num_whole(self) -> int:
        """Number of configs that are scored on all images."""
        self._read()
        return sum(score.is_whole for score in self._found.values())

    def whole(self) -> dict[SubnetConfig, float]:
        """The top1 of each config that is scored on all images."""
        self._read()
        return {
            self._configs[key]: float(score.correct.mean())
            for key, score in self._found.items()
            if score.is_whole
        }

    def tell_known(self) -> None:
        """Tell how many configs need no scoring, if any."""
        if num_whole := self.num_whole:
            self.tell(f"top-1 of {num_whole} configs is known from {self.path}")

    def of(self, config: SubnetConfig) -> Score:
        """What this or any other process has scored of a config until now."""
        self._read()
        return self._found.get(self._key(config), Score.nothing(self._num_images))

    def add(self, config: SubnetConfig, score: Score) -> Score:
        """Keep a config's score; return it merged with what was there, which takes precedence."""
        try:
            if not self._is_usable:
                raise OSError
            self.path.parent.mkdir(parents=True, exist_ok=True)
            line = self._line(config, score)  # reads the images, which takes longer than a lock may
            with FileLock(f"{self.path}.lock", timeout=PATIENCE_S):
                before = self.of(config)
                if (score.scored & ~before.scored).any():
                    self._append(line)
        except (OSError, NotImplementedError) as error:  # or a file system without locks
            self._do_without(
                f"cannot be written ({error}), so new scores are not kept for other searches"
            )
        merged = self.of(config).merged(score)
        self._found[self._key(config)] = merged
        self._configs.setdefault(self._key(config), config)
        return merged

    def _line(self, config: SubnetConfig, score: Score) -> bytes:
        values = {
            **self._supernet_and_images,
            "config_id": config.config_id,
            "width_mults": config.width_mults,
            "channels_and_resolution": self._key(config),
            "scored": None if score.is_whole else to_text(score.scored),
            "correct": to_text(score.correct),
        }
        return json.dumps(values).encode() + b"\n"

    def _append(self, line: bytes) -> None:
        with self.path.open("a+b") as file:
            begin = b"\n" if _ends_within_a_line(self.path) else b""
            file.write(begin + line)

    def _read(self) -> None:
        """Read the lines that were appended since the last call."""
        if not self._is_usable:
            return
        try:
            with self.path.open("rb") as file:
                file.seek(self._num_read)
                lines, end, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return
        except OSError as error:
            self._do_without(f"cannot be read ({error}), so every config is scored anew")
            return
        self._num_read += len(lines) + len(end)
        num_damaged = sum(not self._take(line) for line in lines.split(b"\n") if line.strip())
        if num_damaged:
            self.tell(
                f"{self.path}: {num_damaged} damaged line(s) passed over; what they held is "
                "scored anew"
            )

    def _take(self, line: bytes) -> bool:
        """Take over a line if it belongs to this supernet and images; False if it is damaged."""
        try:
            values = json.loads(line)
            if any(values[name] != value for name, value in self._supernet_and_images.items()):
                return True
            key = tuple(map(int, values["channels_and_resolution"]))
            correct = from_text(str(values["correct"]))
            scored = values["scored"]
            mask = np.ones(len(correct), dtype=bool) if scored is None else from_text(str(scored))
            if not len(mask) == len(correct) == self._num_images:
                return False
            config = SubnetConfig(width_mults=tuple(values["width_mults"]), resolution=key[-1])
        except (KeyError, TypeError, ValueError):
            return False
        found = Score(mask, correct & mask)
        self._found[key] = self._found[key].merged(found) if key in self._found else found
        self._configs.setdefault(key, config)
        return True

    def _do_without(self, why: str) -> None:
        if self._is_usable:
            self.tell(f"{self.path} {why}")
        self._is_usable = False

    def _key(self, config: SubnetConfig) -> Key:
        return *self.supernet.kept_counts(config), config.resolution

    @property
    def _num_images(self) -> int:
        return self.images.data.num_images["selection"]

    @cached_property
    def _supernet_and_images(self) -> Mapping[str, Any]:
        found = score_key(self.supernet, self._weights_sha256, self.images)
        return found | {"dtype": self.dtype}


def score_key(supernet: Supernet, weights_sha256: str, images: Images) -> dict[str, str]:
    """What a config's score depends on besides the config; reads the images of both splits.

    Of the images it is what a network gets and how: the pixels and labels of `calibration` and
    `selection` at full resolution, the normalisation, and the batches of calibration, whose layers
    see one batch's statistics at a time.
    """
    data = images.data
    digest = hashlib.sha256(repr((data.mean, data.std, images.batch_size)).encode())
    for split in ("calibration", "selection"):
        digest.update(split.encode())
        for tensor in chain.from_iterable(images.pixels(split, data.resolution)):
            digest.update(
                repr(tuple(tensor.shape)).encode() + tensor.contiguous().numpy().tobytes()
            )
    return {
        "weights_sha256": weights_sha256,
        "groups_sha256": supernet.groups_digest(),
        "images_sha256": digest.hexdigest(),
        "dtype": number_type(images.device),
    }


def number_type(device: torch.device) -> str:
    """The number type that PyTorch's convolutions compute in: TF32 has 10 bits of mantissa."""
    is_tf32 = device.type == "cuda" and torch.backends.cudnn.allow_tf32
    return "tf32" if is_tf32 else "float32"


def _ends_within_a_line(path: Path) -> bool:
    """Whether a process was killed while it wrote the last line."""
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return False
        file.seek(-1, 2)
        return file.read(1) != b"\n"
