"""`search`: searches a supernet for one target and writes the lookup table."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from nas.cost.second_opinion import counts_of_full_network
from nas.errors import NasError
from nas.evaluate.choice import Choice
from nas.evaluate.evaluation import Costs, Evaluation
from nas.evaluate.evaluator import Evaluator
from nas.evaluate.lookup_table import make_table
from nas.evaluate.measures import value_of
from nas.evaluate.scores import Scores, scores_file
from nas.evaluate.target import describe_target
from nas.evaluate.trained import describe_supernet
from nas.number_types import dtype_of
from nas.report.page import write_report
from nas.runtimes import Runtime, load_runtime
from nas.runtimes.mixed import SEPARATOR, dtypes_of
from nas.search.belief import Belief
from nas.search.feasibility import require_feasible
from nas.search.forecast import conflict
from nas.search.job import SearchJob
from nas.search.proposals import Proposal
from nas.search.provenance import provenance
from nas.search.staircase import measured_steps
from nas.search.study import Study
from planner import Candidate, LookupTable, Preprocessing, write_candidates
from supernet import Supernet
from supernet.bar import Bar
from supernet.data import Data
from supernet.device import choose_device
from supernet.errors import CheckpointError
from supernet.evaluate.accuracy import Images
from supernet.tell import to_stderr

FORECAST_AFTER = 16
"""Candidates after which it is told if the constraints seem to exclude each other: the initial
ones of a search."""


def search(
    supernet: Supernet,
    data: Data,
    job: SearchJob | None = None,
    *,
    out: str | Path,
    trained_in: str | Path | None = None,
    command: str | None = None,
) -> LookupTable:
    """Search `supernet` for the target of `job`; write `out`/search and return the lookup table.

    A second call with the same `out`, or several workers with the same `job.storage`, continue the
    existing study. Progress goes to stderr. `supernet` is moved to the device of the search.

    Args:
        supernet: trained, in eval mode.
        data: the data it was trained on; provides the calibration, selection and report splits.
        job: by default 128 candidates in ONNX Runtime (or a CUDA graph on CUDA) on this machine.
        out: the run's folder; lookup_table.json, candidates.csv and report.html are written to
            `out`/search.
        trained_in: the run that the supernet was trained in, recorded in the table; by default
            `out`, if it holds these weights.
        command: the command line, for the table's provenance; by default the equivalent Python
            call.

    Raises:
        NasError: the job can't run on this machine, or the study belongs to another search.
        NoisyMachineError: the machine is too busy to time the front.
        LimitError: no candidate keeps the constraints.
        SupernetError: the folder can't be written to, or an image can't be read.
    """
    job = job or SearchJob()
    if job.role == "accuracy":
        raise NasError(
            "`role` must be 'all' or 'latency' to write a table, but got 'accuracy'; "
            "call score_for_others instead"
        )
    study, evaluator, document = _prepare(supernet, data, job, Path(out), trained_in)
    if warning := counts_of_full_network(supernet).warning:
        print(f"warning: {warning}", file=sys.stderr)
    if job.constraints:
        require_feasible(
            evaluator, job.constraints, allow_noisy=job.allow_noisy, console=Console(stderr=True)
        )
    run_trials(study, evaluator)
    folder = Path(out) / "search"
    evaluations, candidates = study.evaluations(), study.candidates()
    write_candidates(folder / "candidates.csv", candidates)
    belief = Belief(supernet, evaluations, study.steps)
    # The uniform grid's front is that of top1 against latency.
    grid_front = belief.grid_front() if "latency_p50_ms" in job.objectives else {}
    choice = Choice(
        objectives=job.objectives,
        constraints=job.constraints,
        known={
            "top1": belief.top1 | {each.config_id: top1 for each, top1 in grid_front.items()},
            "energy_mj": {
                each.candidate.config_id: each.energy_mj
                for each in evaluations
                if each.energy_mj is not None
            },
        },
    )
    table = make_table(
        evaluator,
        candidates,
        choice=choice,
        uniform=list(grid_front),
        target=describe_target(evaluator.runtime, job.batch_size),
        supernet=_describe(document, data),
        splits=data.num_images,
        provenance=provenance(document, job, Path(out), command, study.steps, study.devices()),
        max_latency_ms=job.max_latency_ms,
        max_s=job.front_s,
        allow_noisy=job.allow_noisy,
    )
    table.write(folder / "lookup_table.json")
    allowed = [
        one
        for one in evaluations
        if all(each.excess(value_of(one, each.name)) <= 0 for each in job.constraints)
    ]
    write_report(folder / "report.html", table, allowed or evaluations)
    return table


def score_for_others(
    supernet: Supernet,
    data: Data,
    job: SearchJob,
    *,
    out: str | Path,
    trained_in: str | Path | None = None,
) -> int:
    """Score candidates that other workers have measured, until the search ends; return the number.

    The role of `job` must be "accuracy", and its storage shared. Raises like `search`.
    """
    study, evaluator, _ = _prepare(supernet, data, job, Path(out), trained_in)
    return run_trials(study, evaluator)


def runtime_of(job: SearchJob) -> Runtime:
    """The runtime of a job. Raises RuntimeUnavailableError if it is not available here."""
    return load_runtime(
        job.runtime,
        device=choose_device(job.device).type,
        num_threads=job.num_threads,
        dtype=SEPARATOR.join(job.dtypes),
    )


def run_trials(study: Study, evaluator: Evaluator) -> int:
    """Evaluate the study's proposals, with a progress bar; return the number of trials completed.

    Trials handed over to another worker are not counted.
    """
    job, num_completed = study.job, 0
    predicted = dict[str | None, "PredictedLatency"]()
    if job.predict_after is not None:
        from nas.cost.predicted_latency import PredictedLatency  # scikit-learn takes a second

        for dtype in dtypes_of(evaluator.runtime):
            measured = [one for one in study.candidates() if one.config.dtype == dtype]
            predicted[dtype] = PredictedLatency(
                evaluator.supernet, measured, predict_after=job.predict_after
            )

    def evaluate(proposal: Proposal) -> Evaluation | Costs:
        if job.role == "latency":
            return evaluator.costs(proposal.config, max_s=job.trial_s)
        return evaluator.evaluate(
            proposal.config,
            max_s=job.trial_s,
            rivals=() if job.repeatable else study.evaluations(),
            predicted=predicted.get(dtype_of(proposal.config)),
            costs=proposal.costs,
        )

    num_done = len(study.candidates())
    if num_done < job.num_trials and job.role != "latency":
        evaluator.tell_known()
    total = max(num_done, job.num_trials)
    has_forecast = False
    with Bar(total=total, initial=num_done, desc="search", unit="config", mininterval=1.0) as bar:
        while proposal := study.ask():
            if not has_forecast and len(known := study.evaluations()) >= FORECAST_AFTER:
                has_forecast = True
                found_none = conflict(evaluator.supernet, known, study.steps, job.constraints)
                if found_none:
                    to_stderr(found_none)
            with study.claimed(proposal):
                found = evaluate(proposal)
            if isinstance(found, Costs):
                study.hand_over(proposal, found)
            elif stored := study.tell(proposal, found):
                num_completed += 1
                bar.set_postfix_str(_postfix(stored.candidate, study.expected_gain), refresh=False)
                bar.update()
    if study.expected_gain < job.min_gain:
        print(
            "stopped: the next candidate is expected to add "
            f"{study.expected_gain:.4%} of the hypervolume, less than --min-gain "
            f"{job.min_gain:.4%}",
            file=sys.stderr,
        )
    return num_completed


def _prepare(
    supernet: Supernet, data: Data, job: SearchJob, out: Path, trained_in: str | Path | None
) -> tuple[Study, Evaluator, Mapping[str, Any]]:
    """The study, the evaluator, and the content of supernet.json; creates the run's folder."""
    device, runtime = choose_device(job.device), runtime_of(job)
    run = Path(trained_in or out)
    document = describe_supernet(supernet, data, run, required=bool(trained_in))
    images = Images(data, device)
    evaluator = Evaluator(
        supernet.to(device).eval(),
        images,
        runtime,
        batch_size=job.batch_size,
        seed=job.seed,
        measures=job.measures,
        scores=Scores(scores_file(run), supernet, document["weights_sha256"], images),
    )
    if job.role != "accuracy":
        evaluator.require_measurable()  # before a study begins that could not go on
    folder = out / "search"
    _make_folder(folder)
    belongs_to: dict[str, Any] = {"weights": document["weights_sha256"]}
    if job.role != "accuracy":
        belongs_to["target"] = describe_target(runtime, job.batch_size).to_json()
    storage = job.storage or f"sqlite:///{folder / 'study.db'}"
    study = Study(
        supernet,
        storage,
        job,
        belongs_to=belongs_to,
        find_steps=partial(measured_steps, evaluator, job.steps_s) if job.has_steps else None,
        # What a repeatable search proposes depends on no other search.
        scored=None if job.repeatable else evaluator.known_top1(),
    )
    return study, evaluator, document


def _postfix(candidate: Candidate, expected_gain: float) -> str:
    """The candidate's line in the progress bar."""
    gain = f", gain {expected_gain:.2%}" if expected_gain >= 0 else ""
    top1, p50_ms = candidate.accuracy.top1, candidate.latency.p50_ms
    return f"{candidate.config_id} {top1:.1%} {p50_ms:.2f} ms{gain}"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)  # another search may do the same at this moment
    except OSError as error:
        raise CheckpointError(
            f"the folder must be writable, but got: {error}; choose another --out"
        ) from error


def _describe(document: Mapping[str, Any], data: Data) -> dict[str, Any]:
    """The supernet's model, data and training, for the lookup table."""
    job = document["job"]
    return {
        "model": job["model"],
        "model_options": job["model_options"],
        "data": data.name,
        "weights_sha256": document["weights_sha256"],
        "class_names": list(data.classes),
        "normalisation": {"mean": list(data.mean), "std": list(data.std)},
        "preprocessing": Preprocessing(crop_resolution=data.resolution).to_json(),
        "seed": job["seed"],
        "epochs": job["epochs"],
        "recipe": job["recipe"],
    }
