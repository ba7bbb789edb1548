"""The arguments of `python -m nas.search`."""

import argparse
import math
from pathlib import Path

from nas.runtimes.runtime import DTYPES
from nas.search.samplers import SAMPLERS

EXAMPLE = """examples:
  python -m nas.search --out runs/default                    train the embedded example, search it
  python -m nas.search --supernet runs/photos --out runs/photos-gpu --device cuda --trials 200
  python -m nas.search --out runs/default --max-latency-ms 2 --num-threads 1
  python -m nas.search --supernet runs/photos --out runs/shared --storage journal:/mnt/search.log
  python -m nas.search --supernet runs/photos --out runs/pi --storage URL --only latency
  python -m nas.search --supernet runs/photos --out runs/pi --storage URL --only accuracy
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
        help="what the runtime computes in, where it can; top1 on `report` is counted so, too",
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
        "--start-with",
        type=Path,
        metavar="TABLE",
        help="evaluate its entries first: the best that another search found, on another target",
    )
    add(
        "--repeatable",
        action="store_true",
        help="one worker with the same seed evaluates the same candidates on every machine: the "
        "guide looks at MACs, not at measured latency, and every candidate is scored on all images",
    )
    add("--memory", action="store_true", help="peak memory is an objective for the sampler, too")
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
    add(
        "--only",
        choices=("latency", "accuracy"),
        help="what this worker does in a shared --storage: on the target measure latency and write "
        "the table, anywhere else count top1; default: both",
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
