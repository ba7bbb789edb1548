"""The arguments of `python -m nas.search`, and the job that they ask for."""

import argparse
import math
from pathlib import Path

from nas.conversions import subnet_config
from nas.runtimes.runtime import DTYPES
from nas.search.job import ROLES, SearchJob
from nas.search.samplers import SAMPLERS
from planner import Limits, LookupTable

EXAMPLE = """examples:
  python -m nas.search --out runs/default                    train the embedded example, search it
  python -m nas.search --supernet runs/photos --out runs/photos-gpu --device cuda --trials 200
  python -m nas.search --out runs/default --max-latency-ms 2 --num-threads 1
  python -m nas.search --supernet runs/photos --out runs/shared --storage journal:/mnt/search.log
  python -m nas.search --supernet runs/photos --out runs/pi --storage URL --role latency
  python -m nas.search --supernet runs/photos --out runs/pi --storage URL --role accuracy
"""


def search_parser() -> argparse.ArgumentParser:
    """The parser; a wrong value ends the process with 2."""
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
    add(
        "--dtype",
        choices=DTYPES,
        default="float32",
        help="what the runtime computes in, where it can; top1 on `report` is scored in it, too",
    )
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
    add(
        "--warm-start",
        type=Path,
        metavar="TABLE",
        help="evaluate the entries of this table first: the best of a search on another target",
    )
    add(
        "--repeatable",
        action="store_true",
        help="the same seed evaluates the same candidates on every machine (one worker): proposals "
        "depend on MACs, not on measured latency, and every candidate is scored on all images",
    )
    add("--memory", action="store_true", help="peak memory is an objective for the sampler, too")
    add("--sampler", choices=SAMPLERS, default="guide", help="proposes configs; default guide")
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
    add(
        "--role",
        choices=ROLES,
        default="all",
        help="what this worker does in a shared --storage: latency measures on the target and "
        "writes the table, accuracy scores anywhere; default: all",
    )
    add("--seed", type=int, default=0)
    add("--allow-noisy", action="store_true", help="measure on a busy machine, mark the table")
    add(
        "--out", type=Path, default=Path("runs/default"), metavar="RUN", help="default runs/default"
    )
    return parser


def job_from(args: argparse.Namespace) -> SearchJob:
    """The job that the parsed arguments ask for.

    Raises NasError where one is not possible, and TableError for a damaged --warm-start.
    """
    first = LookupTable.read(args.warm_start) if args.warm_start else ()
    return SearchJob(
        runtime=args.runtime,
        device=args.device,
        num_threads=args.num_threads,
        dtype=args.dtype,
        batch_size=args.batch_size,
        num_trials=args.trials,
        limits=Limits(max_latency_ms=args.max_latency_ms, max_macs=args.max_macs),
        sampler=args.sampler,
        min_gain=args.min_gain,
        predict_after=args.predict_after,
        warm_start=tuple(map(subnet_config, first)),
        repeatable=args.repeatable,
        with_memory=args.memory,
        storage=args.storage,
        role=args.role,
        seed=args.seed,
        allow_noisy=args.allow_noisy,
    )


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
