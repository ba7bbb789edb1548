"""A run's supernet on disk: `RUN/supernet/`, written atomically, read without pickle.

weights.safetensors and supernet.json are the finished supernet; last/state.safetensors is the state
from which an unfinished training resumes.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save, save_file
from torch import Tensor

from supernet.elastic.supernet import Supernet
from supernet.errors import CheckpointError
from supernet.job.training_job import TrainingJob
from supernet.models import build_model
from supernet.weights import Weights, put_weights, weights_of

START_OVER = "; delete it to start over"


@contextmanager
def replacing(path: Path, keep_as: Path | None = None) -> Iterator[Path]:
    """Write a file atomically: yield a temporary path, rename it to `path` after the block.

    A reader sees the old file or the complete new one, also after a power failure: the content is
    on the disk before the rename, and the rename before this returns. With `keep_as` the old file
    stays under that name, in the same folder. A block that raises leaves the old file. Raises
    CheckpointError where the folder cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        if keep_as is not None and path.exists():
            _keep(path, keep_as)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise CheckpointError(
            f"{path.parent} must be writable, but got: {error}; "
            "free some space or choose another --out (what was saved before is kept)"
        ) from error
    finally:
        if path.parent.is_dir():
            temporary.unlink(missing_ok=True)


def _keep(path: Path, keep_as: Path) -> None:
    """Give a file a second name, so that the first is never missing; else rename it."""
    second = path.with_name(f".{keep_as.name}.tmp")
    try:
        second.unlink(missing_ok=True)
        second.hardlink_to(path)
        second.replace(keep_as)
        second.unlink(missing_ok=True)  # still there if both were names of the same file
    except (OSError, NotImplementedError):  # a file system without hard links, such as exFAT
        path.replace(keep_as)


def _sync_folder(folder: Path) -> None:
    """Put renames within a folder on the disk; Windows has no such call and needs none."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    note: Mapping[str, Any],
    keep_as: Path | None = None,
) -> None:
    """Write tensors to a safetensors file, with `note` as JSON in its metadata; see `replacing`."""
    with replacing(path, keep_as) as temporary:
        try:
            save_file(_contiguous(tensors), temporary, metadata=_metadata(note))
        except SafetensorError as error:  # how safetensors reports a full disk
            raise OSError(error) from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file of `write_tensors`. Raises CheckpointError if it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            note = json.loads((file.metadata() or {})["note"])
        return load_file(path), note
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path} must be a complete checkpoint, but got: {error}{START_OVER}"
        ) from error


def file_sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_sha256(supernet: Supernet) -> str:
    """The sha256 of the weights file that `save_supernet` writes for these weights."""
    weights = weights_of(supernet.model)
    return hashlib.sha256(save(weights.tensors, _metadata(_note(weights)))).hexdigest()


def _note(weights: Weights) -> dict[str, Any]:
    """What the weights file holds besides tensors; versions of modules are in supernet.json."""
    return {"extra_state": weights.extra_state} if weights.extra_state else {}


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}


def _metadata(note: Mapping[str, Any]) -> dict[str, str]:
    return {"note": json.dumps(note)}


def save_supernet(
    run: Path, supernet: Supernet, job: TrainingJob, about: Mapping[str, Any]
) -> None:
    """Write the finished supernet; `about` (data, versions) is added to supernet.json."""
    path, weights = run / "supernet" / "weights.safetensors", weights_of(supernet.model)
    write_tensors(path, weights.tensors, _note(weights))
    document = {
        "job": job.to_json(),
        "weights_sha256": file_sha256(path),
        "groups_sha256": supernet.groups_digest(),
        **about,
    }
    document["module_metadata"] = weights.metadata
    with replacing(run / "supernet" / "supernet.json") as temporary:
        temporary.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def is_finished(run: Path) -> bool:
    """Whether the run holds a trained supernet."""
    return (run / "supernet" / "supernet.json").is_file()


def read_document(run: Path) -> dict[str, Any]:
    """The content of supernet.json. Raises CheckpointError if it is missing or damaged."""
    path = run / "supernet" / "supernet.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        TrainingJob.from_json(document["job"])
        document["data"]["classes"], document["weights_sha256"], document["groups_sha256"]
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{run} must hold a trained supernet (supernet/supernet.json), but has none: "
            "train one with python -m supernet.train"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} must describe a supernet, but is damaged ({error}): {_anew(run)}"
        ) from error
    return document  # type: ignore[no-any-return]


def _anew(run: Path) -> str:
    """What gives a finished run its files again: the last state of its training holds all."""
    return f"remove {run / 'supernet' / 'supernet.json'} and train with --resume"


def check_groups(supernet: Supernet, recorded: str, path: Path) -> None:
    """Raise CheckpointError unless a config names the subnets with which `path` was trained."""
    if supernet.groups_digest() != recorded:
        raise CheckpointError(
            f"{path} must have been trained with the channel groups that tracing finds, but finds "
            "others: use the versions that supernet.json names and the same model, or train again"
        )


def load_supernet(run: Path) -> tuple[Supernet, dict[str, Any]]:
    """Rebuild the supernet of a run, in eval mode on the CPU, with the content of supernet.json.

    Raises CheckpointError if a file is missing, damaged or not the one that was recorded.
    """
    document = read_document(run)
    job = TrainingJob.from_json(document["job"])
    path = run / "supernet" / "weights.safetensors"
    try:
        tensors, note = read_tensors(path)
    except CheckpointError as error:
        text = str(error).removesuffix(START_OVER)
        raise CheckpointError(f"{text}: {_anew(run)}") from error
    if file_sha256(path) != document["weights_sha256"]:
        raise CheckpointError(
            f"{path} must have the SHA-256 that supernet.json records, but differs: {_anew(run)}"
        )
    num_classes = len(document["data"]["classes"])
    model = build_model(job.model, num_classes, job.model_options, seed=job.seed)
    extra_state, metadata = note.get("extra_state", {}), document.get("module_metadata")
    try:
        put_weights(model, Weights(tensors=tensors, extra_state=extra_state, metadata=metadata))
    except Exception as error:  # a module that loads its own state may raise anything
        raise CheckpointError(f"{path} must fit the model {job.model}, but does not") from error
    side = job.space.resolutions[0]
    example = torch.empty(1, 3, side, side)
    supernet = Supernet(model, example, job.space, num_classes=num_classes)
    check_groups(supernet, document["groups_sha256"], path)
    return supernet.to(memory_format=torch.channels_last).eval(), document
