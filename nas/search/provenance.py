"""Provenance: what a lookup table records of how it was made, so that it can be made again."""

import datetime
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import optuna
import torch

from nas.search.job import SearchJob
from nas.search.storage import without_password


def provenance(
    document: Mapping[str, Any], job: SearchJob, out: Path, command: str | None
) -> dict[str, Any]:
    """As JSON values; passwords are left out.

    `versions` of the search, and of the training with its name before; `command`; `search`: every
    field of the job, so that a later default changes nothing; `training`: the job with all its
    hyperparameters and seed; `data`: the splits' sizes and digests.

    Args:
        document: supernet.json of the supernet, or what stands for it.
        job: of the search.
        out: the run's folder.
        command: what was typed; None: the call from Python is written down instead.
    """
    trained = {f"training {name}": str(value) for name, value in document["versions"].items()}
    now = {"torch": torch.__version__, "optuna": optuna.__version__}
    values = asdict(job) | {"out": str(out)}
    values["warm_start"] = [config.config_id for config in job.warm_start]
    found = {
        "versions": now | trained,
        "command": command or python_call(job, out),
        "created_utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "search": values,
        "training": document["job"],
        "data": document["data"],
    }
    return {name: _public(value, job.storage) for name, value in found.items()}


def python_call(job: SearchJob, out: Path) -> str:
    """The call of `nas.search.search` that makes this search, with what differs from defaults."""
    default = SearchJob()
    changed = ", ".join(
        f"{item.name}={getattr(job, item.name)!r}"
        for item in fields(job)
        if getattr(job, item.name) != getattr(default, item.name)
    )
    return f"search(supernet, data, SearchJob({changed}), out={str(out)!r})"


def _public(value: Any, storage: str | None) -> Any:
    """The same without the password of `storage`, wherever it stands."""
    if isinstance(value, dict):
        return {name: _public(each, storage) for name, each in value.items()}
    if isinstance(value, str) and storage:
        return value.replace(storage, without_password(storage))
    return value
