"""Provenance: the record in a lookup table of everything needed to reproduce it."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import optuna
import torch

from nas.search.job import SearchJob
from nas.search.steps import Steps
from nas.search.storage import without_password


def provenance(
    document: Mapping[str, Any],
    job: SearchJob,
    out: Path,
    command: str | None,
    steps: Steps,
    devices: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The provenance of a lookup table as JSON values, without passwords.

    `versions`: package versions of the search and, prefixed with "training", of the training;
    `command`; `search`: every field of the job, so that later changes of defaults don't matter;
    `steps`: the widths of each group and the resolutions that were searched; `devices`: what timed
    the candidates, and how its latencies were corrected (`nas.search.fleet`);
    `training`: the training job with all hyperparameters and its seed; `data`: sizes and digests of
    the splits.

    Args:
        document: content of the supernet's supernet.json, or its substitute.
        job: the search job.
        out: the run's folder.
        command: the command line; None records the equivalent Python call instead.
        steps: of the study; likewise `devices`.
    """
    trained = {f"training {name}": str(value) for name, value in document["versions"].items()}
    now = {"torch": torch.__version__, "optuna": optuna.__version__}
    values = asdict(job) | {"out": str(out)}
    values["objectives"], values["dtypes"] = list(job.objectives), list(job.dtypes)
    values["constraints"] = list(map(str, job.constraints))
    values["warm_start"] = [config.config_id for config in job.warm_start]
    found = {
        "versions": now | trained,
        "command": command or python_call(job, out),
        "created_utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "search": values,
        "steps": steps.to_json(),
        "devices": [*devices],
        "training": document["job"],
        "data": document["data"],
    }
    return {name: _public(value, job.storage) for name, value in found.items()}


def python_call(job: SearchJob, out: Path) -> str:
    """The equivalent call of `nas.search.search`, with all arguments that differ from defaults."""
    default = SearchJob()
    changed = ", ".join(
        f"{item.name}={getattr(job, item.name)!r}"
        for item in fields(job)
        if getattr(job, item.name) != getattr(default, item.name)
    )
    return f"search(supernet, data, SearchJob({changed}), out={str(out)!r})"


def _public(value: Any, storage: str | None) -> Any:
    """`value` with the password of the `storage` URL removed from all strings."""
    if isinstance(value, dict):
        return {name: _public(each, storage) for name, each in value.items()}
    if isinstance(value, str) and storage:
        return value.replace(storage, without_password(storage))
    return value
