"""`search`: a supernet and its data to a lookup table for one target."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from tqdm import tqdm

from nas.cost.second_opinion import counts_of_full_network
from nas.errors import LimitError, NasError
from nas.evaluate.evaluation import Costs, Evaluation
from nas.evaluate.evaluator import Evaluator
from nas.evaluate.lookup_table import make_table
from nas.evaluate.target import describe_target
from nas.evaluate.trained import describe_supernet
from nas.report.page import write_report
from nas.runtimes import Runtime, load_runtime
from nas.search.feasibility import require_feasible
from nas.search.job import SearchJob
from nas.search.proposals import Proposal
from nas.search.provenance import provenance
from nas.search.study import Study
from planner import Candidate, Limits, LookupTable, write_candidates
from supernet import Supernet
from supernet.data import Data
from supernet.device import choose_device
from supernet.errors import CheckpointError
from supernet.evaluate.accuracy import Images


def search(
    supernet: Supernet,
    data: Data,
    job: SearchJob | None = None,
    *,
    out: str | Path,
    trained_in: str | Path | None = None,
    command: str | None = None,
) -> LookupTable:
    """Search `supernet` for the target that `job` describes; write `out`/search, return the table.

    Called again with the same `out`, or by several workers with one `job.storage`, it goes on where
    the study stands. Progress goes to stderr. `supernet` is moved to the device of the search.

    Args:
        supernet: trained, in eval mode.
        data: what it was trained on, for calibration, selection and the report.
        job: by default 64 candidates in ONNX Runtime (or eager PyTorch on CUDA) on this machine.
        out: the run's folder; `out`/search gets lookup_table.json, candidates.csv and report.html.
        trained_in: the run that holds the supernet, whose training the table then describes; by
            default `out`, where it holds these weights.
        command: what was typed, for the table's provenance; by default the call from Python.

    Raises:
        NasError: the job can't be done here, or the study in `out` is another one's.
        NoisyMachineError: the machine is too busy to time the front.
        LimitError: no candidate keeps the limits.
        SupernetError: the folder can't be written to, or an image can't be read.
    """
    job = job or SearchJob()
    if job.role == "accuracy":
        raise NasError(
            "a worker that only scores accuracy writes no table, so `role` must not be "
            "'accuracy': call score_for_others instead"
        )
    study, evaluator, document = _prepare(supernet, data, job, Path(out), trained_in)
    if warning := counts_of_full_network(supernet).warning:
        print(f"warning: {warning}", file=sys.stderr)
    if job.limits != Limits():
        require_feasible(
            evaluator, job.limits, allow_noisy=job.allow_noisy, console=Console(stderr=True)
        )
    run_trials(study, evaluator)
    folder = Path(out) / "search"
    candidates = study.candidates()
    _require_allowed(candidates, job.limits)
    write_candidates(folder / "candidates.csv", candidates)
    allowed = [each for each in study.evaluations() if job.limits.allow(each.candidate)]
    table = make_table(
        evaluator,
        [each.candidate for each in allowed],
        target=describe_target(evaluator.runtime, job.batch_size),
        supernet=_about(document, data),
        splits=data.num_images,
        provenance=provenance(document, job, Path(out), command),
        max_latency_ms=job.limits.max_latency_ms,
        max_s=job.front_s,
        allow_noisy=job.allow_noisy,
    )
    table.write(folder / "lookup_table.json")
    write_report(folder / "report.html", table, allowed)
    return table


def score_for_others(
    supernet: Supernet,
    data: Data,
    job: SearchJob,
    *,
    out: str | Path,
    trained_in: str | Path | None = None,
) -> int:
    """Score what workers on the target measure, until their search is over; return how many.

    For a `job` whose role is "accuracy" and whose storage is shared. Raises like `search`.
    """
    study, evaluator, _ = _prepare(supernet, data, job, Path(out), trained_in)
    return run_trials(study, evaluator)


def runtime_of(job: SearchJob) -> Runtime:
    """The runtime that a job is timed in. Raises RuntimeUnavailableError where there is none."""
    return load_runtime(
        job.runtime,
        device=choose_device(job.device).type,
        num_threads=job.num_threads,
        dtype=job.dtype,
    )


def run_trials(study: Study, evaluator: Evaluator) -> int:
    """Evaluate what the study proposes, with a progress bar; return how many were told."""
    job, num_told = study.job, 0
    predicted = None
    if job.predict_after is not None:
        from nas.cost.predicted_latency import PredictedLatency  # scikit-learn takes a second

        predicted = PredictedLatency(
            evaluator.supernet, study.candidates(), predict_after=job.predict_after
        )

    def evaluate(proposal: Proposal) -> Evaluation | Costs:
        if job.role == "latency":
            return evaluator.costs(proposal.config, max_s=job.trial_s)
        return evaluator.evaluate(
            proposal.config,
            max_s=job.trial_s,
            rivals=() if job.repeatable else study.evaluations(),
            predicted=predicted,
            costs=proposal.costs,
        )

    num_done = len(study.candidates())
    total = max(num_done, job.num_trials)
    with tqdm(total=total, initial=num_done, desc="search", unit="config", mininterval=1.0) as bar:
        while proposal := study.ask():
            with study.claimed(proposal):
                found = evaluate(proposal)
            if isinstance(found, Costs):
                study.hand_over(proposal, found)
            elif told := study.tell(proposal, found):
                num_told += 1
                bar.set_postfix_str(_line(told.candidate, study.expected_gain), refresh=False)
                bar.update()
    if study.expected_gain < job.min_gain:
        print(
            f"stopped: the next candidate should add {study.expected_gain:.4%} of the hypervolume, "
            f"less than --min-gain {job.min_gain:.4%}",
            file=sys.stderr,
        )
    return num_told


def _prepare(
    supernet: Supernet, data: Data, job: SearchJob, out: Path, trained_in: str | Path | None
) -> tuple[Study, Evaluator, Mapping[str, Any]]:
    """The study in the run's folder, the evaluator on the target, and what supernet.json says."""
    device, runtime = choose_device(job.device), runtime_of(job)
    document = describe_supernet(supernet, data, trained_in or out, required=bool(trained_in))
    evaluator = Evaluator(
        supernet.to(device).eval(),
        Images(data, device),
        runtime,
        batch_size=job.batch_size,
        seed=job.seed,
        with_memory=job.with_memory,
    )
    folder = out / "search"
    _make_folder(folder)
    belongs_to = {"weights": document["weights_sha256"]}
    if job.role != "accuracy":
        belongs_to["target"] = describe_target(runtime, job.batch_size).fingerprint
    storage = job.storage or f"sqlite:///{folder / 'study.db'}"
    return Study(supernet, storage, job, belongs_to=belongs_to), evaluator, document


def _line(candidate: Candidate, expected_gain: float) -> str:
    """What the progress bar shows of a candidate."""
    gain = f", gain {expected_gain:.2%}" if expected_gain >= 0 else ""
    top1, p50_ms = candidate.accuracy.top1, candidate.latency.p50_ms
    return f"{candidate.config_id} {top1:.1%} {p50_ms:.2f} ms{gain}"


def _require_allowed(candidates: Sequence[Candidate], limits: Limits) -> None:
    """Raise LimitError where no candidate keeps the limits."""
    if not any(map(limits.allow, candidates)):
        fastest = min(candidate.latency.p50_ms for candidate in candidates)
        smallest = min(candidate.macs for candidate in candidates)
        raise LimitError(
            f"some candidate must keep {limits}, but the fastest of {len(candidates)} takes "
            f"{fastest:.3f} ms and the smallest {smallest} MACs: raise it"
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CheckpointError(
            f"the folder must be writable, but got: {error}; choose another --out"
        ) from error


def _about(document: Mapping[str, Any], data: Data) -> dict[str, Any]:
    job = document["job"]
    return {
        "model": job["model"],
        "model_options": job["model_options"],
        "data": data.name,
        "weights_sha256": document["weights_sha256"],
        "class_names": list(data.classes),
        "normalisation": {"mean": list(data.mean), "std": list(data.std)},
        "seed": job["seed"],
        "epochs": job["epochs"],
        "recipe": job["recipe"],
    }
