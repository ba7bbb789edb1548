"""How good a front a search finds in 32, 64 and 128 evaluations: replayed on a record.

    python -m benchmarks.search.efficiency [--record cifar]
    python -m benchmarks.search.efficiency --systems guide --seeds 0 1 2     (adds to the results)
    python -m benchmarks.search.efficiency --systems botorch --evaluations 64
    python -m benchmarks.search.efficiency page

Each config of two trained supernets has been evaluated once (record_space.py). Here searches run on
such a record, all through `nas.search.study.Study`, as in the product. They see one half of the
images: a front that is chosen on images is valued on others, since on its own images it also
measures luck. Reported for each system: the hypervolume of its entries (top1 on the other half
against log latency; at each budget the entry that the search would choose there), as a share of
the whole uniform grid's, with the front chosen by raw scores and by what the search believes; how
many entries lie outside of the uniform grid; CPU seconds a proposal. `botorch` needs the packages
botorch and optuna-integration, and is left out unless it is named. Writes
results/search/efficiency_RECORD.json; `page` puts the tables into docs/search.md and draws
docs/search_efficiency.png.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import numpy
from plotly.colors import qualitative
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.page import DOCS, put_into_page
from benchmarks.result_file import RESULTS
from benchmarks.search.recorded import FASHION, RECORDS, Record, load_record
from nas.conversions import subnet_config
from nas.evaluate.evaluation import Evaluation
from nas.search import SearchJob
from nas.search.belief import Belief
from nas.search.proposals import Proposal
from nas.search.samplers import GRID, OPTUNAS
from nas.search.staircase import configs_by_width, steps_of
from nas.search.steps import Steps
from nas.search.study import Study
from planner.atomic import write_atomically
from planner.pareto import front_indices
from supernet import SubnetConfig

SCRIPT = "benchmarks/search/efficiency.py"
FIGURE = DOCS / "search_efficiency.png"
NUM_EVALUATIONS = (32, 64, 128)
BOTORCH = "botorch"
TITLES = {"fashion": "WideResNet-10-2, Fashion-MNIST", "cifar": "WideResNet-10-1, CIFAR-10"}


@dataclass(frozen=True, kw_only=True)
class System:
    """One way to search."""

    name: str
    """What the table and the figure call it."""
    sampler: str = "guide"
    has_steps: bool = True
    """Whether it proposes the steps of the latency, or all widths."""
    num_workers: int = 1
    """How many ask before any of them tells."""


SYSTEMS = {
    "grid": System(name="uniform grid, as the paper's", sampler=GRID, has_steps=False),
    "all_widths": System(name="guide, all widths", has_steps=False),
    "guide": System(name="guide, steps (the default)"),
    "workers": System(name="guide, steps, 4 workers at once", num_workers=4),
    "gp": System(name="Optuna's GP, steps", sampler="gp"),
    "tpe": System(name="TPE, steps", sampler="tpe"),
    "nsga2": System(name="NSGA-II, steps", sampler="nsga2"),
    "random": System(name="random, steps", sampler="random"),
    BOTORCH: System(name="BoTorch's qEHVI, steps", sampler=BOTORCH),
}


class Halves:
    """A record whose images are split: what a search sees, and what its front is valued on.

    `num_seen` images, drawn at random, are seen.
    """

    def __init__(self, record: Record, num_seen: int, seed: int = 0) -> None:
        self.record, self.supernet = record, record.supernet
        order = numpy.random.default_rng(seed).permutation(record.is_right.shape[1])
        self.seen, self.others = order[:num_seen], order[num_seen:]
        self.top1 = record.is_right[:, self.others].mean(axis=1)
        self.log_latency = numpy.log(record.latency_ms[:, 0])
        self.steps = self._steps()
        uniform = [self.evaluate(config) for config in record.supernet.space.grid()]
        self.of_grid = self.value(uniform, [each.candidate.accuracy.top1 for each in uniform])

    def evaluate(self, config: SubnetConfig) -> Evaluation:
        """What a search is told of a config."""
        return self.record.evaluate(config, self.seen)

    def front(self, evaluations: Sequence[Evaluation], chosen_by: Sequence[float]) -> list[int]:
        """Places of the evaluations on the front that `chosen_by` makes, the fastest first."""
        numbers = [self.record.number(subnet_config(each.candidate)) for each in evaluations]
        return front_indices([*zip(chosen_by, self.log_latency[numbers].tolist(), strict=True)])

    def value(self, evaluations: Sequence[Evaluation], chosen_by: Sequence[float]) -> float:
        """Hypervolume of that front, by top1 on the images that no search sees."""
        chosen = [evaluations[place] for place in self.front(evaluations, chosen_by)]
        numbers = [self.record.number(subnet_config(each.candidate)) for each in chosen]
        widths = numpy.diff(numpy.append(self.log_latency[numbers], self.log_latency.max()))
        return float((widths * (self.top1[numbers] - self.top1.min())).sum())

    def _steps(self) -> Steps:
        """The steps of the recorded latencies, as `nas.search.staircase` finds them."""
        every, latency_ms = Steps.all_of(self.supernet), self.record.latency_ms[:, 0]
        widths = [
            steps_of(each, [[latency_ms[self.record.number(config)] for config in probes]] * 6)
            for each, probes in zip(
                every.widths, configs_by_width(self.supernet.space, every), strict=True
            )
        ]
        return replace(every, widths=tuple(widths))


def add_botorch() -> None:
    """Let a job have BoTorch's sampler, which the product does not."""
    from optuna_integration import BoTorchSampler

    OPTUNAS[BOTORCH] = BoTorchSampler


def run(halves: Halves, system: System, seed: int, num_evaluations: int) -> dict[str, Any]:
    """One search: the value of its front after so many evaluations, relative to the grid's."""
    start = time.process_time()
    evaluations = searched(halves, system, seed, num_evaluations)
    seconds = time.process_time() - start
    counts = sorted({min(count, len(evaluations)) for count in NUM_EVALUATIONS})
    return {
        "cpu_s_a_proposal": round(seconds / len(evaluations), 4),
        "after": {str(count): scores(halves, evaluations[:count]) for count in counts},
    }


def searched(
    halves: Halves, system: System, seed: int, num_evaluations: int
) -> Sequence[Evaluation]:
    """What one search evaluates, in order."""
    job = SearchJob(num_trials=num_evaluations, seed=seed, sampler=system.sampler)
    steps = halves.steps if system.has_steps else Steps.all_of(halves.supernet)
    with tempfile.TemporaryDirectory() as folder:
        workers = [
            Study(
                halves.supernet,
                f"journal:{folder}/study.log",
                job,
                belongs_to={},
                find_steps=lambda: steps,
            )
            for _ in range(system.num_workers)
        ]
        while asked := _ask(workers, job.num_trials):
            for worker, proposal in asked:
                worker.tell(proposal, halves.evaluate(proposal.config))
        return workers[0].evaluations()


def _ask(workers: Sequence[Study], num_trials: int) -> list[tuple[Study, Proposal]]:
    """What each worker evaluates next; none more than there are to be."""
    left = num_trials - len(workers[0].candidates())
    asked = [(worker, worker.ask()) for worker in workers[:left]]
    return [(worker, proposal) for worker, proposal in asked if proposal is not None]


def scores(halves: Halves, evaluations: Sequence[Evaluation]) -> dict[str, float]:
    """The value of these evaluations' front, chosen by scores and by belief, and its entries."""
    raw = [each.candidate.accuracy.top1 for each in evaluations]
    believed = [*Belief(halves.supernet, evaluations, halves.steps).top1.values()]
    front = halves.front(evaluations, believed)
    return {
        "raw": round(halves.value(evaluations, raw) / halves.of_grid, 4),
        "believed": round(halves.value(evaluations, believed) / halves.of_grid, 4),
        "entries": len(front),
        "own": sum(evaluations[place].candidate.origin == "search" for place in front),
    }


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over seeds, and the standard deviation of the value."""
    return {
        "num_seeds": len(runs),
        "cpu_s_a_proposal": round(fmean(each["cpu_s_a_proposal"] for each in runs), 4),
        "after": {
            count: {
                name: round(fmean(each["after"][count][name] for each in runs), 4)
                for name in ("raw", "believed", "entries", "own")
            }
            | {"deviation": round(pstdev(each["after"][count]["believed"] for each in runs), 4)}
            for count in runs[0]["after"]
            if all(count in each["after"] for each in runs)
        },
    }


def table(document: dict[str, Any]) -> str:
    """The summary as Markdown, for docs/search.md."""
    head = "| search | 32 evaluations | 64 | 128 | own entries of 64 | CPU s a proposal |"
    lines = [head, "|---" * 6 + "|"]
    for name, found in document["summary"].items():
        after = found["after"]
        cells = [
            f"{after[c]['believed']:.3f} +- {after[c]['deviation']:.3f}" if c in after else "-"
            for c in map(str, NUM_EVALUATIONS)
        ]
        middle = after.get("64") or [*after.values()][-1]
        own = f"{middle['own']:.0f} of {middle['entries']:.0f}"
        cost = f"{found['cpu_s_a_proposal']:.3f}"
        lines.append("| " + " | ".join([SYSTEMS[name].name, *cells, own, cost]) + " |")
    return "\n".join(lines)


def figure(documents: Mapping[str, dict[str, Any]]) -> Figure:
    """The mean value against evaluations, a line a system; a panel a record."""
    drawn = make_subplots(
        cols=len(documents), subplot_titles=[TITLES[name] for name in documents], shared_yaxes=True
    )
    colours = dict(zip(SYSTEMS, qualitative.D3, strict=False))
    for column, document in enumerate(documents.values(), 1):
        for name, found in document["summary"].items():
            drawn.add_scatter(
                x=[int(count) for count in found["after"]],
                y=[each["believed"] for each in found["after"].values()],
                error_y={"array": [each["deviation"] for each in found["after"].values()]},
                name=SYSTEMS[name].name,
                legendgroup=name,
                showlegend=column == 1,
                mode="lines+markers",
                line={"width": 4 if name == "guide" else 2, "color": colours[name]},
                col=column,
                row=1,
            )
    drawn.update_layout(
        template="plotly_white",
        font={"size": 16},
        yaxis={"title": "hypervolume on other images, grid = 1"},
        margin={"l": 70, "r": 20, "t": 40, "b": 60},
    )
    drawn.update_xaxes(title="evaluations", tickvals=[*NUM_EVALUATIONS], rangemode="tozero")
    return drawn


def page_lines(documents: Mapping[str, dict[str, Any]]) -> list[str]:
    """A paragraph and a table a record, for docs/search.md."""
    lines = []
    for name, document in documents.items():
        lines += [
            f"**{TITLES[name]}**: of {document['num_configs']:,} configs with one of the 16 widths "
            f"{document['num_configs_of_steps']:,} consist of steps; a search sees "
            f"{document['num_images_seen']:,} images.",
            "",
            table(document),
            "",
        ]
    return lines


def put_on_page() -> None:
    """Put all that was replayed into docs/search.md and its figure."""
    documents = {
        name: json.loads(result_of(name).read_text())
        for name in RECORDS
        if result_of(name).exists()
    }
    put_into_page(SCRIPT, page_lines(documents), DOCS / "search.md")
    os.environ.setdefault("BROWSER_PATH", "/usr/bin/chromium")
    figure(documents).write_image(FIGURE, width=1300, height=560, scale=1.5)


def main() -> int:
    """Replay what is asked for and add it to the results, or put them on the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("replay", "page"), nargs="?", default="replay")
    parser.add_argument("--record", choices=RECORDS, default=FASHION)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS,
        default=[name for name in SYSTEMS if name != BOTORCH])  # fmt: skip
    parser.add_argument("--evaluations", type=int, default=NUM_EVALUATIONS[-1], help="of each")
    parser.add_argument("--seeds", nargs="+", type=int, default=[*range(10)])
    args = parser.parse_args()
    if args.part == "page":
        put_on_page()
        return 0
    if BOTORCH in args.systems:
        add_botorch()
    record = load_record(args.record)
    halves = Halves(record, record.is_right.shape[1] // 2)
    for name, seed in tqdm([(name, seed) for name in args.systems for seed in args.seeds]):
        found = run(halves, SYSTEMS[name], seed, args.evaluations)
        document = add(result_of(args.record), halves, name, seed, found)
    print(table(document))
    return 0


def result_of(record: str) -> Path:
    """The file with what was replayed on a record."""
    return RESULTS / "search" / f"efficiency_{record}.json"


def add(
    result: Path, halves: Halves, name: str, seed: int, found: dict[str, Any]
) -> dict[str, Any]:
    """Put one search into the results, and return them all."""
    document = json.loads(result.read_text()) if result.exists() else {"runs": {}}
    document["runs"].setdefault(name, {})[str(seed)] = found
    document |= {
        "summary": {k: summary([*runs.values()]) for k, runs in document["runs"].items()},
        "num_images_seen": len(halves.seen),
        "num_configs": Steps.all_of(halves.supernet).num_configs,
        "num_configs_of_steps": halves.steps.num_configs,
        "record": halves.record.about,
        "environment": environment(),
    }
    write_atomically(result, (json.dumps(document, indent=1) + "\n").encode())
    return document


if __name__ == "__main__":
    sys.exit(main())
