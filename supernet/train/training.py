"""`python -m supernet.train`: train a supernet into a run's folder."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import torch
import torchvision

from supernet.checkpoint import is_finished, load_supernet, read_document, save_supernet
from supernet.data.dataset import Data, load_data
from supernet.device import choose_device
from supernet.elastic.describe import summarise
from supernet.elastic.importance import sort_by_importance
from supernet.elastic.supernet import Supernet
from supernet.errors import CheckpointError, DataError
from supernet.job.execution import Execution
from supernet.job.training_job import TrainingJob
from supernet.models import build_model
from supernet.models.pretrained import load_weights
from supernet.train.compiled import Compiled
from supernet.train.loop import Loop
from supernet.train.process_group import ProcessGroup, init_process_group
from supernet.train.rehearsal import rehearse


def train(
    job: TrainingJob,
    run: str | Path,
    execution: Execution | None = None,
    *,
    data: Data | None = None,
    resume: bool = False,
) -> Supernet:
    """Train `job` into the folder `run`, or go on with what is there; return the supernet.

    It is returned in eval mode, on the CPU, as `load_supernet(run)` gives it. `data` replaces what
    `job.data` names: see `supernet.data.data_from`. Under torchrun all processes call this, with
    the same arguments and a folder that all see.

    Raises SupernetError where input is bad; a finished or unfinished training in `run` is never
    overwritten without `resume`.
    """
    execution, run = execution or Execution(), Path(run)
    if data is not None:
        job = replace(job, data=data.name)
        if data.resolution != job.space.resolutions[0]:
            raise DataError(
                f"the data must have the highest resolution of the job's space, "
                f"{job.space.resolutions[0]}, but has {data.resolution}: make it anew with that"
            )
    if is_finished(run):
        return _check_same(job, run, resume)
    place = _place(execution)
    with init_process_group(place) as group:
        if data is None:
            side = job.space.resolutions[0]
            data = load_data(job.data, resolution=side, seed=job.seed, root=Path(job.data_root))
        _train(job, data, run, execution, resume, place, group)
    return load_supernet(run)[0]


def _train(
    job: TrainingJob,
    data: Data,
    run: Path,
    execution: Execution,
    resume: bool,
    place: torch.device,
    group: ProcessGroup,
) -> None:
    supernet = _new_supernet(job, data)
    rehearse(supernet, job.recipe)
    supernet.to(device=place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if group.is_first and supernet.space.width_range[0] < 1:
        print("\n".join(summarise(supernet.model, supernet.channels)), file=sys.stderr)
    network = Compiled(supernet, job.recipe) if execution.compile else supernet
    loop = Loop(supernet, data, job, run, execution, group, network)
    if loop.state_path.exists():
        if not resume:
            raise CheckpointError(
                f"{run} must be empty for a new training, but holds an unfinished one: "
                "add --resume to continue, or choose another --out"
            )
        loop.resume()
    group.wait()  # no process writes before all have read
    loop.train()
    if group.is_first:
        about = {"data": data.describe(), "versions": _versions(place, group)}
        save_supernet(run, supernet, job, about)
    group.wait()  # no process reads before it is written


def _new_supernet(job: TrainingJob, data: Data) -> Supernet:
    """The supernet before the first step."""
    side = job.space.resolutions[0]
    torch.manual_seed(job.seed)
    model = build_model(job.model, len(data.classes), job.model_options)
    if job.weights is not None:
        fresh = load_weights(model, Path(job.weights))
        if fresh:
            print(f"initialised anew, for other classes: {', '.join(fresh)}", file=sys.stderr)
    example = torch.empty(1, 3, side, side)
    supernet = Supernet(model, example, job.space, num_classes=len(data.classes))
    if job.sort_by_importance:
        sort_by_importance(supernet)
    return supernet


def _place(execution: Execution) -> torch.device:
    """The device of this process; under torchrun on CUDA, one per process."""
    place = choose_device(execution.device)
    local = os.environ.get("LOCAL_RANK")
    if local is not None and place.type == "cuda" and place.index is None:
        return torch.device("cuda", int(local))
    return place


def _check_same(job: TrainingJob, run: Path, resume: bool) -> Supernet:
    if not resume:
        raise CheckpointError(
            f"{run} must be empty for a new training, but holds a trained supernet: "
            "choose another --out"
        )
    differences = job.differences(TrainingJob.from_json(read_document(run)["job"]))
    if differences:
        raise CheckpointError(
            f"{run} must hold the requested training, but differs: {'; '.join(differences)}"
        )
    return load_supernet(run)[0]


def _versions(device: torch.device, group: ProcessGroup) -> dict[str, Any]:
    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": numpy.__version__,
        "device": str(device),
        "num_threads": torch.get_num_threads(),
        "num_processes": group.size,
    }
