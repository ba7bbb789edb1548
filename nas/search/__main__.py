"""The command `python -m nas.search`."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from nas.errors import NasError
from nas.evaluate.trained import load_trained
from nas.search.arguments import job_from, search_parser
from nas.search.searching import score_for_others, search
from nas.search.several import BOOK, jobs_by_target, search_targets
from nas.search.summary import print_summary
from planner import LookupTable, PlannerError, read_candidates
from supernet import Execution, TrainingJob
from supernet.checkpoint import is_finished
from supernet.errors import OwnedError, SupernetError
from supernet.train import train
from supernet.train.owner import wait_until_free
from supernet.train.state import has_state, read_state, state_folder


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    args = search_parser().parse_args(argv)
    try:
        return _run(args, shlex.join(["python", "-m", "nas.search", *argv]))
    except (SupernetError, NasError, PlannerError) as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        print(
            f"error: {args.out} must be writable, but got: {error}; make room there or choose "
            "another --out (evaluated candidates are kept)",
            file=sys.stderr,
        )
    except KeyboardInterrupt:
        print("interrupted; run the same command again to resume", file=sys.stderr)
        return 130
    return 2


def _run(args: argparse.Namespace, command: str) -> int:
    job, source = job_from(args), args.supernet or args.out
    # Fails on a missing runtime before training, not after it.
    jobs = jobs_by_target(job, args.runtime, args.batch_size)
    if args.supernet is None and not is_finished(source):
        if args.data not in (None, TrainingJob().data):
            _require_example(source)
            raise NasError(
                f"--data must be the images of a trained run, but {source} holds none: train one "
                f"with python -m supernet.train --data {args.data} --out {source}"
            )
        _train_example(source, args.device)
    trained = load_trained(source, data=args.data, data_root=args.data_root)
    if job.role == "accuracy":
        score_for_others(trained.supernet, trained.data, job, out=args.out, trained_in=source)
        print("done; the worker on the target writes the table")
        return 0
    if len(jobs) == 1:
        table = search(
            trained.supernet, trained.data, job, out=args.out, trained_in=source, command=command
        )
        _tell(args.out, table)
        return 0
    search_targets(
        trained.supernet,
        trained.data,
        jobs,
        out=args.out,
        trained_in=source,
        command=command,
        tell=lambda name, table: _tell(args.out / name, table),
    )
    print(f"written: {args.out / BOOK}, the tables of {len(jobs)} targets")
    return 0


def _tell(run: Path, table: LookupTable) -> None:
    """Print the summary of one target's table, and which files were written."""
    folder = run / "search"
    print_summary(table, read_candidates(folder / "candidates.csv"), Console())
    print(f"written: {folder}/lookup_table.json, candidates.csv, report.html")


def _train_example(run: Path, device: str | None) -> None:
    """Train the embedded example into `run`, or wait for the process that does so already."""
    while True:
        wait_until_free(run, lambda line: print(line, file=sys.stderr))
        if is_finished(run):
            return
        _require_example(run)
        try:
            train(TrainingJob(), run, Execution(device=device), resume=True)
        except OwnedError:  # another process was faster
            continue


def _require_example(run: Path) -> None:
    """Raise NasError where the training that was begun in `run` is not that of the example."""
    if not has_state(state_folder(run)):
        return
    saved = read_state(state_folder(run))
    if TrainingJob().changes_from(saved.job):
        raise NasError(
            f"{run} must hold a trained supernet, but its training on {saved.job.data} is "
            f"unfinished, at step {saved.num_steps_done:,}: repeat the command that began it, "
            f"python -m supernet.train ... --out {run}, with --resume, then search"
        )


if __name__ == "__main__":
    sys.exit(main())
