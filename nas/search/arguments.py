"""Command-line arguments of `python -m nas.search`, and their conversion to a SearchJob."""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

from nas.conversions import subnet_config
from nas.evaluate.choice import DEFAULT_OBJECTIVES
from nas.evaluate.constraint import Constraint
from nas.evaluate.measures import MEASURES
from nas.evaluate.trained import add_data_arguments
from nas.runtimes.registry import default_dtype
from nas.runtimes.runtime import DTYPES
from nas.search.job import ROLES, SearchJob
from nas.search.samplers import SAMPLERS
from planner import LookupTable
from supernet.device import choose_device

EXAMPLE = """examples:
  python -m nas.search --out runs/default                    train and search the embedded example
  python -m nas.search --supernet runs/photos --out runs/photos-gpu --device cuda --trials 200
  python -m nas.search --out runs/default --max-latency-ms 2 --num-threads 1
  python -m nas.search --out runs/default --objectives top1 latency_p99_ms num_params
  python -m nas.search --out runs/default --constraint 'latency_p99_ms<=8' 'top1>=0.9'
  python -m nas.search --out runs/default --runtime onnxruntime openvino --batch-size 1 16
  python -m nas.search --supernet runs/default --out runs/int8 --dtypes float32 int8
  python -m nas.search --supernet runs/photos --out runs/shared --storage journal:/mnt/search.log
  python -m nas.search --supernet runs/photos --out runs/pi --storage URL --role latency
  python -m nas.search --supernet runs/photos --out runs/pi --storage URL --role accuracy
"""


def search_parser() -> argparse.ArgumentParser:
    """The argument parser; it exits with code 2 on an invalid value."""
    parser = argparse.ArgumentParser(
        prog="python -m nas.search",
        description="Search a supernet for one target.\n"
        "Without a trained supernet, the embedded example is trained first.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--device", help="cpu or cuda; default: cuda if available")
    add("--supernet", type=Path, metavar="RUN", help="run with a trained supernet; default: --out")
    add_data_arguments(parser)
    add(
        "--runtime",
        nargs="+",
        default=[None],
        help="eager, onnxruntime ...; default: onnxruntime on cpu, cudagraph on cuda. Of several "
        "runtimes or batch sizes each combination is a target: --out gets a run for each, and "
        "book.json",
    )
    add(
        "--dtypes",
        nargs="+",
        choices=DTYPES,
        help="number types that the runtime computes in (support varies), also when scoring "
        "top-1; of several, each candidate has one of them, and the table holds what is best of "
        "all; default: float32 on cpu, float16 on cuda with cudagraph, eager or inductor",
    )
    add(
        "--batch-size",
        nargs="+",
        type=_positive,
        default=[1],
        help="images per timed batch; default: 1",
    )
    add("--num-threads", type=_positive, help="threads of the runtime; default: all usable cores")
    add(
        "--trials",
        type=_positive,
        default=128,
        help="total number of candidates, a quarter as many for each further target; default: 128",
    )
    names = ", ".join(MEASURES)
    add(
        "--objectives",
        nargs="+",
        default=list(DEFAULT_OBJECTIVES),
        metavar="NAME",
        help=f"what the table is a front of: top1 and one cost or more of {names}; default: "
        f"{' '.join(DEFAULT_OBJECTIVES)}",
    )
    add(
        "--constraint",
        nargs="+",
        action="extend",
        default=[],
        metavar="BOUND",
        help="what every entry must keep, quoted: 'latency_p99_ms<=8' 'top1>=0.9'",
    )
    add(
        "--max-latency-ms", type=_above_zero, metavar="MS", help="the constraint latency_p50_ms<=MS"
    )
    add("--max-macs", type=_above_zero, metavar="MACS", help="the constraint macs<=MACS")
    add(
        "--predict-after",
        type=_positive,
        metavar="N",
        help="after N measured candidates, predict latencies once the model is good enough; "
        "latencies in the lookup table are always measured",
    )
    add(
        "--warm-start",
        type=Path,
        metavar="TABLE",
        help="first evaluate the entries of this lookup table, e.g. of another target, instead of "
        "configs that are spread over the space",
    )
    add(
        "--repeatable",
        action="store_true",
        help="with one worker, evaluate the same candidates for the same seed on every machine: "
        "proposals depend on MACs, not on measured latency, and no candidate is stopped early",
    )
    add("--sampler", choices=SAMPLERS, default="guide", help="proposes configs; default: guide")
    add(
        "--min-gain",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="stop when the guide expects the next candidate to add less than this share of the "
        "hypervolume, e.g. 1e-4",
    )
    add(
        "--storage",
        metavar="URL",
        help="Optuna storage URL, journal:FILE or grpc://HOST:PORT, which workers can share; "
        "default: search/study.db in --out",
    )
    add(
        "--role",
        choices=ROLES,
        default="all",
        help="task of this worker in a shared --storage: latency measures costs on the target and "
        "writes the table, accuracy scores top-1 on any machine; default: all",
    )
    add("--seed", type=int, default=0, help="random seed; default: 0")
    add(
        "--allow-noisy",
        action="store_true",
        help="measure even on a busy machine, and mark the table as noisy",
    )
    add(
        "--out",
        type=Path,
        default=Path("runs/default"),
        metavar="RUN",
        help="folder of the run; default: runs/default",
    )
    return parser


def job_from(args: argparse.Namespace) -> SearchJob:
    """Convert parsed arguments to the SearchJob of the first target.

    Raises NasError for invalid values, and TableError for a damaged --warm-start.
    """
    warm_start = LookupTable.read(args.warm_start) if args.warm_start else ()
    return SearchJob(
        runtime=args.runtime[0],
        device=args.device,
        num_threads=args.num_threads,
        dtypes=tuple(args.dtypes or [_default_dtype(args)]),
        batch_size=args.batch_size[0],
        num_trials=args.trials,
        objectives=tuple(args.objectives),
        constraints=tuple(_constraints(args)),
        sampler=args.sampler,
        min_gain=args.min_gain,
        predict_after=args.predict_after,
        warm_start=tuple(map(subnet_config, warm_start)),
        repeatable=args.repeatable,
        storage=args.storage,
        role=args.role,
        seed=args.seed,
        allow_noisy=args.allow_noisy,
    )


def _default_dtype(args: argparse.Namespace) -> str:
    # The machine of those who only score is not the target.
    device = "cpu" if args.role == "accuracy" else choose_device(args.device).type
    return default_dtype(args.runtime, device)


def _constraints(args: argparse.Namespace) -> Iterator[Constraint]:
    shorthands = {"latency_p50_ms": args.max_latency_ms, "macs": args.max_macs}
    for name, bound in shorthands.items():
        if bound is not None:
            yield Constraint(name, bound)
    yield from map(Constraint.parse, args.constraint)


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
