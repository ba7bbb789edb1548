"""`python -m nas.search`: search a supernet for one target (command line only)."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from tqdm import tqdm

from nas.cost.predicted_latency import StandIn
from nas.cost.second_opinion import counts_of_full_network
from nas.errors import LimitError, NasError
from nas.evaluate.evaluation import Costs, Scored
from nas.evaluate.evaluator import Bench
from nas.evaluate.lookup_table import make_table
from nas.evaluate.target import describe_target
from nas.evaluate.trained import load_trained
from nas.report.page import write_report
from nas.runtimes import load_runtime
from nas.search.feasibility import require_feasible
from nas.search.limits import Limits
from nas.search.provenance import provenance
from nas.search.study import OBJECTIVES, Study
from planner import Candidate, LookupTable, write_candidates
from supernet import SubnetConfig, TrainingJob
from supernet.checkpoint import is_finished
from supernet.data.dataset import Data
from supernet.device import choose_device
from supernet.errors import CheckpointError
from supernet.evaluate.accuracy import Images
from supernet.job.execution import Execution
from supernet.train.training import train

TRIAL_S = 0.3
"""Seconds of timing for each candidate; those near the front are measured again."""
FRONT_S = 20.0
"""Seconds of timing for all that are near the front together."""


def search(
    args: argparse.Namespace, argv: Sequence[str]
) -> tuple[LookupTable, list[Candidate]] | None:
    """Do what the arguments ask for; write `RUN/search/`; return what was found.

    `argv` is what was typed, for the table's provenance. None from a worker that only counts top1:
    the table is written on the target.
    """
    _require_repeatable(args)
    source = args.supernet or args.out
    device = choose_device(args.device)
    runtime = load_runtime(
        args.runtime, device=device.type, num_threads=args.num_threads, dtype=args.dtype
    )
    if args.supernet is None and not is_finished(source):
        train(TrainingJob(), source, Execution(device=args.device), resume=True)
    trained = load_trained(source)
    supernet, document, data = trained.supernet, trained.document, trained.data
    supernet.to(device)
    bench = Bench(
        supernet,
        Images(data, device),
        runtime,
        batch_size=args.batch_size,
        seed=args.seed,
        with_memory=args.memory,
    )
    target = describe_target(runtime, args.batch_size)
    folder = args.out / "search"
    _make_folder(folder)
    limits = Limits(max_latency_ms=args.max_latency_ms, max_macs=args.max_macs)
    belongs_to = {"weights": document["weights_sha256"]}
    if args.only != "accuracy":
        belongs_to["target"] = target.fingerprint
    study = Study(
        supernet,
        args.storage or f"sqlite:///{folder / 'study.db'}",
        belongs_to=belongs_to,
        limits=limits,
        seed=args.seed,
        sampler=args.sampler,
        objectives=(*OBJECTIVES, "peak_memory_bytes") if args.memory else OBJECTIVES,
        cost="macs" if args.repeatable else "latency_p50_ms",
        role=args.only or "all",
        first=_entries(args.start_with),
    )
    if args.only == "accuracy":
        _run(study, bench, args)
        return None
    if warning := counts_of_full_network(supernet).warning:
        print(f"warning: {warning}", file=sys.stderr)
    if limits != Limits():
        require_feasible(bench, limits, allow_noisy=args.allow_noisy, console=Console(stderr=True))
    _run(study, bench, args)
    candidates = study.candidates()
    _require_allowed(candidates, limits)
    write_candidates(folder / "candidates.csv", candidates)
    allowed = [each for each in study.scored() if limits.allow(each.candidate)]
    table = make_table(
        bench,
        [each.candidate for each in allowed],
        target=target,
        supernet=_about(document, data),
        splits=data.num_images,
        provenance=provenance(document, args, argv),
        max_latency_ms=args.max_latency_ms,
        max_s=FRONT_S,
        allow_noisy=args.allow_noisy,
    )
    table.write(folder / "lookup_table.json")
    write_report(folder / "report.html", table, allowed)
    return table, candidates


def _entries(path: Path | None) -> list[SubnetConfig]:
    """The configs of a lookup table."""
    table = LookupTable.read(path) if path else ()
    return [SubnetConfig(width_mults=e.width_mults, resolution=e.resolution) for e in table]


def _run(study: Study, bench: Bench, args: argparse.Namespace) -> None:
    """Evaluate, with a progress bar that shows the time left."""
    stand_in = None
    if args.predict_after is not None:
        stand_in = StandIn(bench.supernet, study.candidates(), predict_after=args.predict_after)

    def evaluate(config: SubnetConfig, origin: str) -> Scored | Costs:
        if args.only == "latency":
            return bench.costs(config, max_s=TRIAL_S)
        return bench.evaluate(
            config,
            origin,
            max_s=TRIAL_S,
            others=() if args.repeatable else study.scored(),
            stand_in=stand_in,
            costs=study.costs_of(config),
        )

    done = len(study.candidates())
    with tqdm(
        total=max(done, args.trials), initial=done, desc="search", unit="config", mininterval=1.0
    ) as bar:
        for candidate in study.run(evaluate, args.trials, min_gain=args.min_gain):
            bar.set_postfix_str(
                f"{candidate.config_id} {candidate.top1:.1%} {candidate.latency_p50_ms:.2f} ms"
                + (f", gain {study.expected_gain:.2%}" if study.expected_gain >= 0 else ""),
                refresh=False,
            )
            bar.update()
    if study.expected_gain < args.min_gain:
        print(
            f"stopped: the next candidate should add {study.expected_gain:.4%} of the hypervolume, "
            f"less than --min-gain {args.min_gain:.4%}",
            file=sys.stderr,
        )


def _require_allowed(candidates: Sequence[Candidate], limits: Limits) -> None:
    """Raise LimitError where no candidate keeps the limits."""
    if not any(limits.allow(candidate) for candidate in candidates):
        fastest = min(candidates, key=lambda candidate: candidate.latency_p50_ms)
        smallest = min(candidates, key=lambda candidate: candidate.macs)
        raise LimitError(
            f"some candidate must keep {limits}, but the fastest of {len(candidates)} takes "
            f"{fastest.latency_p50_ms:.3f} ms and the smallest {smallest.macs} MACs: raise it"
        )


def _require_repeatable(args: argparse.Namespace) -> None:
    """Raise NasError where `--repeatable` is asked for and something else hinders it."""
    hindrances = {
        "--max-latency-ms": args.max_latency_ms is not None,
        f"--sampler {args.sampler}": args.sampler not in ("guide", "random"),
    }
    for hindrance, is_there in hindrances.items():
        if args.repeatable and is_there:
            raise NasError(
                "with --repeatable nothing that is proposed may depend on measured latency, "
                f"but got {hindrance}: leave one of them out"
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


def _about(document: dict[str, Any], data: Data) -> dict[str, Any]:
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
