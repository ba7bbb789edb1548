"""`python -m nas.search`: search a supernet for one target (command line only)."""

import argparse
import datetime
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import torch
from rich.console import Console
from tqdm import tqdm

from nas.bench import Bench
from nas.errors import LimitError, NasError
from nas.feasibility import require_feasible
from nas.front import make_table
from nas.limits import Limits
from nas.racing import Scored
from nas.report import write_report
from nas.runtimes import load_runtime
from nas.sampler import SAMPLERS
from nas.stand_in import StandIn
from nas.study import Study
from nas.summary import print_summary
from nas.target import describe_target
from nas.trained import load_trained
from planner import Candidate, LookupTable, PlannerError, write_candidates
from supernet import SubnetConfig, TrainingJob
from supernet.checkpoint import is_finished
from supernet.data import Data
from supernet.device import choose_device
from supernet.errors import CheckpointError, SupernetError
from supernet.evaluate import Images
from supernet.execution import Execution
from supernet.train import train

EXAMPLE = """examples:
  python -m nas.search --out runs/default                    train the embedded example, search it
  python -m nas.search --supernet runs/photos --out runs/photos-gpu --device cuda --trials 200
  python -m nas.search --out runs/default --max-latency-ms 2 --num-threads 1
  python -m nas.search --supernet runs/photos --out runs/shared --storage journal:/mnt/search.log
"""

TRIAL_S = 0.3
"""Seconds of timing for each candidate; those near the front are measured again."""
FRONT_S = 20.0
"""Seconds of timing for all that are near the front together."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nas.search",
        description="Search a supernet for one target; train the embedded example first "
        "if there is no supernet.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--device", help="cpu, cuda; default: the best there is")
    add("--supernet", type=Path, metavar="RUN", help="a run that holds one; default: --out")
    add("--runtime", help="eager, onnxruntime ...; default: onnxruntime on cpu, eager on cuda")
    add("--batch-size", type=_positive, default=1, help="images in one timed batch, default 1")
    add("--num-threads", type=_positive, help="threads of the runtime; default: all cores")
    add("--trials", type=_positive, default=64, help="candidates in all, default 64")
    add("--max-latency-ms", type=_above_zero, help="leave slower candidates out of the front")
    add("--max-macs", type=_above_zero, help="leave larger candidates out of the front")
    add(
        "--predict-after",
        type=_positive,
        metavar="N",
        help="after N measured candidates predict latencies where the model is good enough; "
        "what is written to the table is always measured",
    )
    add("--sampler", choices=SAMPLERS, default="guide", help="who proposes; default guide")
    add(
        "--min-gain",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="stop when the guide expects the next candidate to add less hypervolume, e.g. 1e-4",
    )
    add(
        "--storage",
        metavar="URL",
        help="of Optuna, or journal:FILE, for workers to share; default: study.db in --out",
    )
    add("--seed", type=int, default=0)
    add("--allow-noisy", action="store_true", help="measure on a busy machine, mark the table")
    add(
        "--out", type=Path, default=Path("runs/default"), metavar="RUN", help="default runs/default"
    )
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _above_zero(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError
    return value


def search(args: argparse.Namespace) -> tuple[LookupTable, list[Candidate]]:
    """Do what the arguments ask for; write `RUN/search/`; return what was found."""
    source = args.supernet or args.out
    device = choose_device(args.device)
    runtime = load_runtime(args.runtime, device=device.type, num_threads=args.num_threads)
    if args.supernet is None and not is_finished(source):
        train(TrainingJob(), source, Execution(device=args.device), resume=True)
    trained = load_trained(source)
    supernet, document, data = trained.supernet, trained.document, trained.data
    supernet.to(device)
    bench = Bench(
        supernet, Images(data, device), runtime, batch_size=args.batch_size, seed=args.seed
    )
    target = describe_target(runtime, args.batch_size)
    folder = args.out / "search"
    _make_folder(folder)
    limits = Limits(max_latency_ms=args.max_latency_ms, max_macs=args.max_macs)
    study = Study(
        supernet,
        args.storage or f"sqlite:///{folder / 'study.db'}",
        belongs_to={"weights": document["weights_sha256"], "target": target.fingerprint},
        limits=limits,
        seed=args.seed,
        sampler=args.sampler,
    )
    if limits != Limits():
        require_feasible(bench, limits, allow_noisy=args.allow_noisy, console=Console(stderr=True))
    _run(study, bench, limits, args)
    candidates = study.candidates()
    write_candidates(folder / "candidates.csv", candidates)
    table = make_table(
        bench,
        [candidate for candidate in candidates if limits.allow(candidate)],
        target=target,
        supernet=_about(document, data),
        splits=data.num_images,
        provenance=_provenance(document),
        max_latency_ms=args.max_latency_ms,
        max_s=FRONT_S,
        allow_noisy=args.allow_noisy,
    )
    table.write(folder / "lookup_table.json")
    write_report(folder / "report.html", table, candidates)
    return table, candidates


def _run(study: Study, bench: Bench, limits: Limits, args: argparse.Namespace) -> None:
    """Evaluate, with a progress bar; raise LimitError where no candidate keeps the limits."""
    stand_in = None
    if args.predict_after is not None:
        stand_in = StandIn(bench.supernet, study.candidates(), predict_after=args.predict_after)

    def evaluate(config: SubnetConfig, origin: str) -> Scored:
        return bench.evaluate(
            config, origin, max_s=TRIAL_S, others=study.scored(), stand_in=stand_in
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
    candidates = study.candidates()
    if not any(limits.allow(candidate) for candidate in candidates):
        fastest = min(candidates, key=lambda candidate: candidate.latency_p50_ms)
        smallest = min(candidates, key=lambda candidate: candidate.macs)
        raise LimitError(
            f"some candidate must keep {limits}, but the fastest of {len(candidates)} takes "
            f"{fastest.latency_p50_ms:.3f} ms and the smallest {smallest.macs} MACs: raise it"
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


def _provenance(document: dict[str, Any]) -> dict[str, Any]:
    trained = {f"training {name}": str(value) for name, value in document["versions"].items()}
    now = {"torch": torch.__version__, "optuna": optuna.__version__}
    return {
        "versions": now | trained,
        "command": " ".join(["python -m nas.search", *sys.argv[1:]]),
        "created_utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = _parser().parse_args(argv)
    try:
        table, candidates = search(args)
    except (SupernetError, NasError, PlannerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    print_summary(table, candidates, Console())
    print(f"written: {args.out / 'search'}/lookup_table.json, candidates.csv, report.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
