"""Reads a file of weights to plain values: safetensors, or what torch saved; never unsafe pickles.

torch.load reads tensors, numbers, text and containers. What training scripts save beside weights,
such as their arguments, becomes an `Ignored`: no code of the classes that a file names is run.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from supernet.errors import CheckpointError
from supernet.weights import whole_state

BESIDE_WEIGHTS = (
    "argparse.Namespace",
    "types.SimpleNamespace",
    *(
        f"{module}.{kind}"
        for module in ("pathlib", "pathlib._local")
        for kind in ("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")
    ),
    *(f"datetime.{kind}" for kind in ("date", "datetime", "timedelta", "timezone")),
    "torch.torch_version.TorchVersion",
    "numpy.dtype",
    "numpy.ndarray",
    *(
        f"numpy.{core}.multiarray.{function}"
        for core in ("core", "_core")
        for function in ("scalar", "_reconstruct")
    ),
    *(f"builtins.{kind}" for kind in ("dict", "float", "int", "list", "str")),
)
"""Plain values that lie beside weights in public files: arguments, paths, times, metrics, and what
a defaultdict makes its values with."""


class Ignored:
    """Stands for an object beside the weights; takes any content and drops it."""

    def __new__(cls, *args: Any) -> "Ignored":
        """Take and drop what the object would be made from."""
        return super().__new__(cls)

    def __init__(self, *args: Any) -> None:
        """Likewise."""

    def __setstate__(self, state: Any) -> None:
        """Likewise, for its attributes."""


def read_weights_file(path: Path) -> Any:
    """The content of a file of weights; a state dict, or containers with state dicts in them.

    Raises CheckpointError where the file cannot be read, holds objects that would have to be
    unpickled, or is the state of an unfinished training.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(9)
    except (OSError, ValueError) as error:  # of a NUL in the path, it is a ValueError
        raise CheckpointError(f"{path} must be a readable file, but {error}") from error
    try:
        # JSON after 8 bytes of its length; scripts give such files any suffix.
        return _read_safetensors(path) if begin[8:] == b"{" else _read_torch(path)
    except CheckpointError:
        raise
    except Exception as error:  # readers raise nearly anything on a damaged file
        raise CheckpointError(
            f"{path} must be a safetensors file or a state dict saved by torch, but "
            f"{_objects_in(path)}: save model.state_dict()"
        ) from error


def _read_safetensors(path: Path) -> Any:
    with safe_open(path, framework="pt") as file:
        note = json.loads((file.metadata() or {}).get("note", "{}"))
    if "step" in note and "about" in note:  # see supernet.train.state
        run = path.parent.parent.parent if path.parent.name == "last" else Path("RUN")
        raise CheckpointError(
            f"{path} must hold weights alone, but is the state of a training: pass "
            f"{run / 'supernet' / 'weights.safetensors'}, which it ends with, or add --resume with "
            f"--out {run} to go on with it"
        )
    return whole_state(load_file(path), note.get("extra_state", {}))


def _read_torch(path: Path) -> Any:
    with _plain_objects_ignored(), path.open("rb") as file:  # of a path it looks at the suffix
        return torch.load(file, map_location="cpu", weights_only=True)


def _new_dict(*args: Any) -> dict[Any, Any]:
    """Stands for defaultdict, into which torch's reader puts nothing."""
    return {}


@contextmanager
def _plain_objects_ignored() -> Iterator[None]:
    stand_ins = [(Ignored, name) for name in BESIDE_WEIGHTS]
    with safe_globals([*stand_ins, (_new_dict, "collections.defaultdict")]):
        yield


def _objects_in(path: Path) -> str:
    """What is wrong with a file that torch refused."""
    try:
        with _plain_objects_ignored():
            names = sorted(get_unsafe_globals_in_checkpoint(path))
    except Exception:  # no zip file, TorchScript, damaged, or pickled by a newer protocol
        names = []
    if not names:
        return "is damaged or holds other objects, which are never unpickled"
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"holds other objects ({shown}), which are never unpickled"
