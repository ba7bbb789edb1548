"""What a second target costs, whose supernet another search has scored.

    python -m benchmarks.search.second_target time RUN     (on an idle machine)
    python -m benchmarks.search.second_target replay
    python -m benchmarks.search.second_target page

`time`: the supernet of RUN (of `make search`, say) is searched for ONNX Runtime and then for
OpenVINO, as `nas.search --runtime onnxruntime openvino` does, and once for OpenVINO alone, by a
copy of the supernet without scores. Told: seconds each, how many configs were scored, whether equal
candidates have equal scores, and the entries. About four minutes for the embedded supernet.
`replay`: searches of the recorded space (benchmarks/search/recorded.py) for second targets whose
latency is another one (`second_targets`): alone; with the scores of a first search, of the recorded
latency; with those and its entries, as `nas.search` does for several targets. And the first's
entries as they are, timed on the second target, as a kit does. Only images that no search has
seen value a front; see efficiency.py. The seeds are others than those that the way was chosen on
(0 to 3). Ten minutes. `page`: puts both into docs/search.md. Writes
results/search/second_target.json.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import numpy
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.page import DOCS, put_into_page
from benchmarks.result_file import result_file
from benchmarks.search.efficiency import Halves, scores
from benchmarks.search.recorded import Array, Record, load_record
from nas.conversions import subnet_config
from nas.evaluate.evaluation import Evaluation
from nas.evaluate.scores import scores_file
from nas.evaluate.trained import load_trained
from nas.search import SearchJob, jobs_by_target, search
from nas.search.belief import Belief
from nas.search.several import warm_started
from nas.search.study import Study
from planner import LookupTable, read_candidates
from planner.atomic import write_atomically
from supernet import SubnetConfig

RESULT = result_file(__file__)
RUNTIMES = ("onnxruntime", "openvino")
SEEDS, NUM_EVALUATIONS = range(10, 20), (32, 64)
NUM_FIRST = SearchJob().num_trials
NUM_SEEN = 3000
WAYS = {
    "alone": "alone",
    "scores": "with the first's scores",
    "entries": "with its scores and entries",
}


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
    took_first, table = timed_search(shared, one, folder / first)
    begins_with_it = warm_started(other, [*map(subnet_config, table)])
    as_many = replace(other, num_trials=one.num_trials)
    found = {
        "first": took_first,
        "second": timed_search(shared, begins_with_it, folder / second)[0],
        "alone": timed_search(alone, as_many, folder / "second-alone")[0],
    }
    top1 = [
        {
            each.config_id: each.accuracy.top1
            for each in read_candidates(folder / name / "search" / "candidates.csv")
        }
        for name in (first, second)
    ]
    both = top1[0].keys() & top1[1].keys()
    return found | {
        "share_of_first": round(found["second"]["seconds"] / found["first"]["seconds"], 3),
        "num_equal_candidates": len(both),
        "num_equal_scores": sum(top1[0][name] == top1[1][name] for name in both),
    }


def second_targets(record: Record) -> dict[str, Array]:
    """Latencies, (n, 3), of targets that the recorded one is not, by what differs."""
    recorded, macs = record.latency_ms, record.macs[:, None] / record.macs.max()
    sides = numpy.array([[channels[-1]] for channels in record.number_of])
    return {
        "latency times MACs ** 0.3": recorded * macs**0.3,
        "latency times resolution": recorded * sides / sides.max(),
        "MACs ** 0.8, no steps": numpy.repeat(macs**0.8, 3, axis=1),
    }


def replayed(
    halves: Halves, job: SearchJob, scored: Mapping[SubnetConfig, float] | None = None
) -> list[Evaluation]:
    """The evaluations of one search."""
    with tempfile.TemporaryDirectory() as folder:
        study = Study(
            halves.supernet,
            f"journal:{folder}/study.log",
            job,
            belongs_to={},
            find_steps=lambda: halves.steps,
            scored=scored,
        )
        while proposal := study.ask():
            study.tell(proposal, halves.evaluate(proposal.config))
        return study.evaluations()


def replay(seeds: Sequence[int] = SEEDS) -> dict[str, Any]:
    """Hypervolumes after so many evaluations, each second target's whole uniform grid = 1."""
    record = load_record()
    first = Halves(record, NUM_SEEN)
    others = {
        name: Halves(replace(record, latency_ms=latency_ms), NUM_SEEN)
        for name, latency_ms in second_targets(record).items()
    }
    values = {name: dict[str, list[float]]() for name in others}
    num_entries = []
    for seed in tqdm(seeds, "replay"):
        known = replayed(first, SearchJob(num_trials=NUM_FIRST, seed=seed))
        believed = [*Belief(first.supernet, known, first.steps).top1.values()]
        places = first.front(known, believed)
        entries = [subnet_config(known[place].candidate) for place in places]
        num_entries.append(len(entries))
        scored = {subnet_config(each.candidate): each.candidate.accuracy.top1 for each in known}
        for name, second in others.items():
            found = values[name]
            as_they_are = second.value(
                [known[place] for place in places], [believed[place] for place in places]
            )
            found.setdefault("as they are", []).append(as_they_are / second.of_grid)
            for count in NUM_EVALUATIONS:
                job = SearchJob(num_trials=count, seed=seed + 100)
                ways = {
                    "alone": replayed(second, job),
                    "scores": replayed(second, job, scored),
                    "entries": replayed(second, warm_started(job, entries), scored),
                }
                for way, evaluations in ways.items():
                    value = scores(second, evaluations)["believed"]
                    found.setdefault(f"{way} {count}", []).append(value)
    return {
        "seeds": [*seeds],
        "num_entries": fmean(num_entries),
        "targets": {
            name: {
                way: {"value": round(fmean(each), 4), "deviation": round(pstdev(each), 4)}
                for way, each in found.items()
            }
            for name, found in values.items()
        },
    }


def lines(result: Mapping[str, Any]) -> list[str]:
    """Lines of Markdown: a table of the replay, and a sentence on the time."""
    found = []
    if "replay" in result:
        targets, seeds = result["replay"]["targets"], result["replay"]["seeds"]
        found += [
            f"| a second target, {len(seeds)} seeds | evaluations | {' | '.join(targets)} |",
            "|---" * (len(targets) + 2) + "|",
        ]
        for count in NUM_EVALUATIONS:
            for way, text in WAYS.items():
                cells = [_cell(each[f"{way} {count}"]) for each in targets.values()]
                found.append(f"| {text} | {count} | {' | '.join(cells)} |")
        cells = [_cell(each["as they are"]) for each in targets.values()]
        num = f"{result['replay']['num_entries']:.0f}"
        found += [f"| the first's entries, timed there | {num} | {' | '.join(cells)} |", ""]
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


def _cell(found: Mapping[str, float]) -> str:
    return f"{found['value']:.3f} +- {found['deviation']:.3f}"


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
