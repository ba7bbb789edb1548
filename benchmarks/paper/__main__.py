"""The paper's comparison on one's own data: equal steps and equal MACs, seeds and intervals.

    python -m benchmarks.paper --data fashion-mnist --budget small --out runs/paper-fashion

With a budget that has several learning rates, each system's own is chosen first, by short trainings
that hold out images of their own. Then it trains every system (systems.py), scores a grid of widths
x all resolutions of each, and writes OUT/result.json, table.md and two figures. Every finished run
stays in OUT, an unfinished one goes on where it was: stop it whenever you like and run it again,
with the same version of the project. With `--max-minutes` it stops by itself, with exit code 3
while something is left to do. What it found on Fashion-MNIST and CIFAR-10 is in results/paper/ and
docs/paper.md.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.environment import environment
from benchmarks.paper.budgets import BUDGETS
from benchmarks.paper.comparison import compare, finished, write
from benchmarks.paper.report import table
from benchmarks.paper.systems import Source, all_runs, tuning_runs
from benchmarks.paper.tuning import best, tune, volumes
from benchmarks.paper.version import require_one_version
from supernet import load_data
from supernet.checkpoint import is_finished
from supernet.data.torchvision_sets import DEFAULT_ROOT
from supernet.errors import SupernetError
from supernet.job.hyperparameters import CHOICES

NAMES = {"fashion-mnist": "torchvision:FashionMNIST", "cifar10": "torchvision:CIFAR10"}
UNFINISHED = 3


def _stop_after(minutes: float) -> None:
    """Ctrl-C this process after a while."""
    timer = threading.Timer(60 * minutes, os.kill, (os.getpid(), signal.SIGINT))
    timer.daemon = True
    timer.start()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.paper",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", required=True, help=f"{', '.join(NAMES)} or as supernet.train's")
    parser.add_argument("--data-root", default=str(DEFAULT_ROOT))
    parser.add_argument("--resolutions", type=int, nargs="+", default=(28, 24, 20, 16))
    parser.add_argument("--budget", choices=sorted(BUDGETS), default="small")
    parser.add_argument("--epochs", type=int, help="instead of the budget's")
    parser.add_argument("--dtype", default="float32", choices=CHOICES["dtype"], help="of training")
    parser.add_argument("--finished", action="store_true", help="a table of what is finished")
    parser.add_argument("--max-minutes", type=float, help="stop by itself, to go on later")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    source, budget = NAMES.get(args.data, args.data), BUDGETS[args.budget]
    budget = replace(budget, epochs=args.epochs or budget.epochs, dtype=args.dtype)
    sides = tuple(sorted(args.resolutions, reverse=True))
    if args.max_minutes is not None:
        _stop_after(args.max_minutes)
    try:
        data = load_data(source, resolution=sides[0], root=Path(args.data_root))
        require_one_version(args.out)
        of = Source(
            data=source,
            data_root=args.data_root,
            resolutions=sides,
            num_classes=len(data.classes),
        )
        tuning = list(tuning_runs(of, budget))
        if args.finished:
            tuning = [each for each in tuning if is_finished(args.out / "tuning" / each[2].name)]
        areas = volumes(tune(tuning, args.out / "tuning", budget.num_widths))
        rates = best(areas)
        runs = list(all_runs(of, budget, rates))
        if args.finished:
            runs = finished(runs, args.out)
        result = compare(runs, args.out, budget)
    except SupernetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return UNFINISHED
    result |= {
        "title": f"{args.data}, {args.budget}: {budget.model} {budget.model_options}, "
        f"{budget.epochs} epochs, seeds: {result['num_seeds']}",
        "budget": vars(budget),
        "learning_rates": {"chosen": rates, "area on selection": areas},
        "environment": environment(),
    }
    write(args.out, result)
    print(table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
