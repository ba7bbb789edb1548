"""`python -m supernet.train`: train a supernet into a run's folder."""

import os
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import torch

from supernet.checkpoint import is_finished, load_supernet, read_document, save_supernet
from supernet.data.check import Checked, cache_of
from supernet.data.dataset import Data, load_data
from supernet.data.report import brief
from supernet.device import choose_device
from supernet.elastic.describe import summarise
from supernet.elastic.supernet import Supernet
from supernet.errors import CheckpointError, DataError, ModelError, OwnedError, SupernetError
from supernet.job.execution import Execution
from supernet.job.training_job import TrainingJob
from supernet.seeding import own_generators
from supernet.tell import to_stderr
from supernet.train.beginning import new_supernet
from supernet.train.compiled import Compiled
from supernet.train.loop import Loop
from supernet.train.owner import owner
from supernet.train.process_group import ProcessGroup, init_process_group
from supernet.train.state import SavedState, has_state, read_state, read_state_before, state_folder


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

    `resume` with more epochs lengthens a finished training. Raises SupernetError where input is bad
    or another process trains into `run`; a finished or unfinished training is never overwritten
    without `resume`. The global random generators are left as they were found.
    """
    execution, run = execution or Execution(), Path(run)
    if data is not None:
        job = replace(job, data=data.name)
        _require_fitting(data, job)
    place = _place(execution)
    if execution.depthwise_kernels and place.type != "cuda":
        raise SupernetError(f"--depthwise-kernels needs CUDA, but got {place}: leave it out")
    if execution.graphs:
        _require_recordable(job, place)
    with init_process_group(place) as group:
        finished = is_finished(run)
        if not job.epochs:
            job = _epochs_there(job, run)
        group.check_same(
            {"files in --out": "a trained supernet" if finished else "none"},
            "choose an --out in a folder that all processes share",
        )
        if not finished or _is_longer(job, run, resume):
            with own_generators():
                _train(job, data, run, execution, resume, place, group)
    return load_supernet(run)[0]


def _require_fitting(data: Data, job: TrainingJob) -> None:
    """Raise DataError unless the data was made for this job."""
    for name, needed, got in (
        ("highest resolution", job.space.resolutions[0], data.resolution),
        ("normalisation", job.hyperparameters.normalisation, data.normalisation),
    ):
        if got != needed:
            raise DataError(
                f"the data must have the {name} of the job, {needed}, but has {got}: make it anew "
                "with that"
            )


def _require_recordable(job: TrainingJob, place: torch.device) -> None:
    """Raise SupernetError unless steps of the job can be CUDA graphs."""
    if place.type != "cuda":
        raise SupernetError(f"--graphs needs a CUDA device, but got {place}: leave it out")
    if job.hyperparameters.sync_bn:
        raise SupernetError(
            "--graphs needs sync_bn=false, since a graph cannot wait for other processes, but it "
            "is true: leave one of them out"
        )


def _load(job: TrainingJob) -> Data:
    return load_data(
        job.data,
        resolution=job.space.resolutions[0],
        seed=job.seed,
        root=Path(job.data_root),
        normalisation=job.hyperparameters.normalisation,
    )


def _train(
    job: TrainingJob,
    data: Data | None,
    run: Path,
    execution: Execution,
    resume: bool,
    place: torch.device,
    group: ProcessGroup,
) -> None:
    saved = _saved_state(run, resume)
    data = data or _load(job)
    _settle(data, job, saved, execution, group)
    if not job.epochs:
        job = job.with_epochs(data.num_images["train"])
        chosen = f"{job.epochs} epochs for {data.num_images['train']:,} training images"
        to_stderr(f"{chosen}; --epochs sets another number")
    supernet = new_supernet(job, data, resumes=saved is not None)
    supernet.to(device=place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if group.is_first and supernet.space.narrowest < 1:
        print("\n".join(summarise(supernet.model, supernet.channels)), file=sys.stderr)
    network = Compiled(supernet, job.recipe) if execution.compile else supernet
    loop = Loop(supernet, data, job, run, execution, group, network)
    with owner(run) if group.is_first else nullcontext():
        if saved is None:
            if group.is_first:
                _require_untouched(run)
            loop.self_test()
        else:
            _resume(loop, saved)
        group.wait()  # no process writes before all have read
        loop.train()
        if group.is_first:
            about = {
                "data": data.describe(),
                "versions": _versions(place, group),
                "changes": loop.changes,
                "num_steps_skipped": loop.state.num_skipped,
            }
            save_supernet(run, supernet, job, about)
        group.wait()  # no process reads before it is written


def _epochs_there(job: TrainingJob, run: Path) -> TrainingJob:
    """The job with the epochs of the training that is already in `run`, if there is one."""
    if is_finished(run):
        return replace(job, epochs=TrainingJob.from_json(read_document(run)["job"]).epochs)
    if has_state(state_folder(run)):
        return replace(job, epochs=read_state(state_folder(run)).job.epochs)
    return job


def _resume(loop: Loop, saved: SavedState) -> None:
    """Go on from `saved` or, where its weights have diverged, from the state before it."""
    loop.resume(saved)
    try:
        loop.self_test()
    except ModelError as error:
        before = read_state_before(saved)
        if before is None:
            raise CheckpointError(_diverged(loop.run, error)) from error
        loop.resume(before)
        try:
            loop.self_test()
        except ModelError as also:
            raise CheckpointError(_diverged(loop.run, also)) from also
        if loop.group.is_first:
            print(
                "the newest state has diverged, so this goes on from the one before, at step "
                f"{before.num_steps_done}",
                file=sys.stderr,
            )


def _diverged(run: Path, error: ModelError) -> str:
    return (
        f"the weights saved in {run} must not have diverged, but have ({error}): begin again with "
        "a lower lr, in another --out"
    )


def _saved_state(run: Path, resume: bool) -> SavedState | None:
    """What an unfinished training in `run` left; None for a new one."""
    folder = state_folder(run)
    if not has_state(folder):
        return None
    if not resume:
        raise CheckpointError(
            f"{run} must be empty for a new training, but holds an unfinished one: "
            "add --resume to continue, or choose another --out"
        )
    return read_state(folder)


def _require_untouched(run: Path) -> None:
    """Raise OwnedError where another process trained into `run` since it was looked at."""
    if is_finished(run) or has_state(state_folder(run)):
        raise OwnedError(
            f"{run} must have one training at a time, but another process has trained into it "
            "meanwhile: use --resume to go on with that, or choose another --out"
        )


def _settle(
    data: Data,
    job: TrainingJob,
    saved: SavedState | None,
    execution: Execution,
    group: ProcessGroup,
) -> None:
    """Take over what an unfinished training decided of the data, or check all images.

    Each process decodes its share of them, and all leave out what any found damaged.
    """
    checked = dict[str, Checked]()
    if saved is None:
        checked = data.check(cache=cache_of(job.data), part=(group.rank, group.size))
    checked = {name: each for share in group.gather(checked) for name, each in share.items()}
    if saved is None:
        data.exclude_damaged(checked, strict=execution.strict)
        if checked:  # images are files, of which people should know what was found
            to_stderr(brief(data))
    else:
        data.adopt(saved.about["data"])


def _place(execution: Execution) -> torch.device:
    """The device of this process; under torchrun on CUDA, one per process."""
    place = choose_device(execution.device)
    local = os.environ.get("LOCAL_RANK")
    if local is not None and place.type == "cuda" and place.index is None:
        return torch.device("cuda", int(local))
    return place


def _is_longer(job: TrainingJob, run: Path, resume: bool) -> bool:
    """Whether the job asks for more epochs than the finished one in `run`; else it is the same.

    Raises CheckpointError where it is another job, or where `resume` was not requested.
    """
    if not resume:
        raise CheckpointError(
            f"{run} must be empty for a new training, but holds a trained supernet: "
            "choose another --out, or add --resume and more --epochs to lengthen it"
        )
    document = read_document(run)
    trained = TrainingJob.from_json(document["job"])
    changes = job.changes_from(trained)
    before, now = changes.get("epochs", (0, 0))
    if now > before and has_state(state_folder(run)):
        return True
    if changes:
        text = "; ".join(f"{name}: {now} here, {was} there" for name, (was, now) in changes.items())
        raise CheckpointError(f"{run} must hold the requested training, but differs: {text}")
    if job.data != trained.data:  # two folders
        _load(job).check_same(document["data"])
    return False


def _versions(device: torch.device, group: ProcessGroup) -> dict[str, Any]:
    import torchvision  # takes seconds to import; its installed metadata don't name the build

    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": numpy.__version__,
        "device": str(device),
        "num_threads": torch.get_num_threads(),
        "num_processes": group.size,
    }
