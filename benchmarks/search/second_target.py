"""What a second target costs, whose supernet another search has scored.

    python -m benchmarks.search.second_target time RUN     (on an idle machine)
    python -m benchmarks.search.second_target replay
    python -m benchmarks.search.second_target page

`time`: the supernet of RUN (of `make search`, say) is searched for ONNX Runtime and then for
OpenVINO, as `nas.search --runtime onnxruntime openvino` does, and once for OpenVINO alone, by a
copy of the supernet without scores. Told: seconds each, how many configs were scored, whether equal
candidates have equal scores, and the entries. About four minutes for the embedded supernet.
`replay`: searches of the recorded space (benchmarks/search/recorded.py) for a second target, with
and without the 64 scores of a first one; the second target's latency is the recorded one times
MACs ** 0.3. Only images that no search has seen value a front; see efficiency.py. A minute.
`page`: puts both into docs/search.md. Writes results/search/second_target.json.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.page import DOCS, put_into_page
from benchmarks.result_file import result_file
from benchmarks.search.efficiency import Halves, scores
from benchmarks.search.recorded import load_record
from nas.conversions import subnet_config
from nas.evaluate.evaluation import Evaluation
from nas.evaluate.scores import scores_file
from nas.evaluate.trained import load_trained
from nas.search import SearchJob, jobs_by_target, search
from nas.search.study import Study
from planner import LookupTable, read_candidates
from planner.atomic import write_atomically
from supernet import SubnetConfig

RESULT = result_file(__file__)
RUNTIMES = ("onnxruntime", "openvino")
NUM_SEEDS, NUM_FIRST, NUM_EVALUATIONS = 10, 64, (24, 32, 48, 64)
NUM_SEEN = 3000
EXPONENT = 0.3
"""How much more the second target's latency depends on MACs than the recorded one."""


def copied(run: Path, folder: Path) -> Path:
    """A copy of the run's supernet that nothing has scored."""
    shutil.copytree(run / "supernet", folder / "supernet")
    scores_file(folder).unlink(missing_ok=True)
    return folder


def num_scored(run: Path) -> int:
    """Lines of scores that the supernet's run holds."""
    path = scores_file(run)
    return len(path.read_text().splitlines()) if path.exists() else 0


def timed_search(run: Path, job: SearchJob, out: Path) -> tuple[dict[str, Any], LookupTable]:
    """One search, with what it took."""
    before, start = num_scored(run), time.perf_counter()
    trained = load_trained(run)
    table = search(trained.supernet, trained.data, job, out=out, trained_in=run)
    return {
        "runtime": job.runtime,
        "seconds": round(time.perf_counter() - start, 1),
        "num_candidates": job.num_trials,
        "num_scored": num_scored(run) - before,
        "num_entries": len(table),
    }, table


def compare(run: Path, jobs: Mapping[str, SearchJob], folder: Path) -> dict[str, Any]:
    """Search for two targets, and for the second alone; `folder` gets the runs."""
    (first, one), (second, other) = jobs.items()
    shared, alone = copied(run, folder / "shared"), copied(run, folder / "alone")
    found = {
        "first": timed_search(shared, one, folder / first)[0],
        "second": timed_search(shared, other, folder / second)[0],
        "alone": timed_search(
            alone, replace(other, num_trials=one.num_trials), folder / "second-alone"
        )[0],
    }
    top1 = [
        {
            each.config_id: each.accuracy.top1
            for each in read_candidates(folder / name / "search" / "candidates.csv")
        }
        for name in jobs
    ]
    both = top1[0].keys() & top1[1].keys()
    return found | {
        "share_of_first": round(found["second"]["seconds"] / found["first"]["seconds"], 3),
        "num_equal_candidates": len(both),
        "num_equal_scores": sum(top1[0][name] == top1[1][name] for name in both),
    }


def replayed(
    halves: Halves, num: int, seed: int, scored: Mapping[SubnetConfig, float] | None = None
) -> list[Evaluation]:
    """The evaluations of one search."""
    with tempfile.TemporaryDirectory() as folder:
        study = Study(
            halves.supernet,
            f"journal:{folder}/study.log",
            SearchJob(num_trials=num, seed=seed),
            belongs_to={},
            find_steps=lambda: halves.steps,
            scored=scored,
        )
        while proposal := study.ask():
            study.tell(proposal, halves.evaluate(proposal.config))
        return study.evaluations()


def replay(num_seeds: int = NUM_SEEDS) -> dict[str, Any]:
    """Hypervolumes after so many evaluations, the second target's whole uniform grid = 1."""
    record = load_record()
    first = Halves(record, NUM_SEEN)
    factor = (record.macs / record.macs.max()) ** EXPONENT
    second = Halves(replace(record, latency_ms=record.latency_ms * factor[:, None]), NUM_SEEN)
    values: dict[str, dict[int, list[float]]] = {}
    new: dict[str, list[int]] = {}
    for seed in tqdm(range(num_seeds), "replay"):
        scored = {
            subnet_config(each.candidate): each.candidate.accuracy.top1
            for each in replayed(first, NUM_FIRST, seed)
        }
        for name, known in (("with", scored), ("without", None)):
            found = replayed(second, NUM_EVALUATIONS[-1], seed + 100, known)
            for count in NUM_EVALUATIONS:
                value = scores(second, found[:count])["believed"]
                values.setdefault(name, {}).setdefault(count, []).append(value)
            half = found[: NUM_FIRST // 2]
            num_new = sum(subnet_config(each.candidate) not in scored for each in half)
            new.setdefault(name, []).append(num_new)
    return {
        name: {
            "num_new_of_32": fmean(new[name]),
            "value": {str(count): round(fmean(each), 4) for count, each in by_count.items()},
            "deviation": {str(count): round(pstdev(each), 4) for count, each in by_count.items()},
        }
        for name, by_count in values.items()
    } | {"num_seeds": num_seeds}


def lines(result: Mapping[str, Any]) -> list[str]:
    """Lines of Markdown: a table of the replay, and a sentence on the time."""
    found = []
    if "replay" in result:
        counts = [str(count) for count in NUM_EVALUATIONS]
        found += [
            f"| a second target, {result['replay']['num_seeds']} seeds "
            f"| {' | '.join(f'{count} evaluations' for count in counts)} | new of the first 32 |",
            "|---" * (len(counts) + 2) + "|",
        ]
        for name in ("without", "with"):
            row = result["replay"][name]
            cells = [f"{row['value'][c]:.3f} +- {row['deviation'][c]:.3f}" for c in counts]
            cells.append(f"{row['num_new_of_32']:.1f}")
            found.append(f"| {name} the scores of the first | {' | '.join(cells)} |")
        found.append("")
    if "time" in result:
        each = result["time"]
        first, second, alone = each["first"], each["second"], each["alone"]
        found += [
            f"{first['runtime']}: {first['seconds']:.0f} s, {first['num_scored']} configs scored. "
            f"Then {second['runtime']}: {second['seconds']:.0f} s ({each['share_of_first']:.0%}), "
            f"{second['num_scored']} scored; alone {alone['seconds']:.0f} s, "
            f"{alone['num_scored']} scored. {each['num_equal_scores']} of "
            f"{each['num_equal_candidates']} equal candidates have equal scores.",
            "",
        ]
    return found


def main() -> int:
    """Do the part that is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("time", "replay", "page"))
    parser.add_argument("run", type=Path, nargs="?", default=Path("runs/default"))
    args = parser.parse_args()
    if args.part == "page":
        found = lines(json.loads(RESULT.read_text()))
        put_into_page("benchmarks/search/second_target.py", found, DOCS / "search.md")
        return 0
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "time": lambda: _timed(args.run),
        "replay": replay,
    }
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    result[args.part] = parts[args.part]() | {"environment": environment()}
    write_atomically(RESULT, (json.dumps(result, indent=1) + "\n").encode("ascii"))
    print(json.dumps(result[args.part], indent=1))
    return 0


def _timed(run: Path) -> dict[str, Any]:
    jobs = jobs_by_target(SearchJob(num_threads=1), RUNTIMES, [1])
    with tempfile.TemporaryDirectory() as folder:
        return compare(run, jobs, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
