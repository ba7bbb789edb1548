"""report.html: the results of a search and their uncertainty, on one self-contained page."""

import html
import statistics
from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go

from nas.evaluate.evaluation import Evaluation
from nas.evaluate.gains import gains_of
from nas.report.common_widths import common_widths
from nas.report.figures import curse_figure, front_figure, grid_figure
from nas.report.gain_lines import gain_lines
from nas.report.groups import importance_figure, parallel_figure
from nas.report.growth import growth_figure
from nas.report.importance import group_importance
from planner import Entry, LookupTable
from planner.atomic import write_atomically

STYLE = """body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; }
body { padding: 0 1rem; color: #222; } h2 { margin: 2.5rem 0 0.5rem; }
table { border-collapse: collapse; font-size: 0.85rem; display: block; overflow-x: auto; }
th, td { padding: 0.2rem 0.7rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; } code { overflow-wrap: anywhere; }"""


def write_report(path: Path, table: LookupTable, evaluations: Sequence[Evaluation]) -> None:
    """Write the page.

    Args:
        path: the file; it is replaced atomically.
        table: the lookup table of the search.
        evaluations: evaluations that keep the constraints, at least one, in order of evaluation.
    """
    candidates = [each.candidate for each in evaluations]
    names = group_names(table)
    shares = {
        "top-1": group_importance(candidates, "top1", names),
        "latency": group_importance(candidates, "latency_p50_ms", names),
    }
    parts = [
        ("Pareto front", _front_note(table), front_figure(table, candidates)),
        ("Uniform grid and search", _grid_note(table), grid_figure(table)),
        ("Selection and report splits", _curse_note(list(table)), curse_figure(table)),
        (
            "Growth of the hypervolume",
            _growth_note(evaluations, table),
            growth_figure(evaluations),
        ),
        (
            "Importance of the groups",
            _importance_note(bool(shares["top-1"])),
            importance_figure(shares),
        ),
        (
            "All candidates",
            "Drag along an axis to select a range.",
            parallel_figure(candidates, names),
        ),
    ]
    figures = "".join(_section(*part, first=not index) for index, part in enumerate(parts))
    title = f"{table.supernet['model']} on {table.supernet['data']}"
    page = (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><body><h1>{html.escape(title)}</h1>{figures}"
        f"<h2>Lookup table</h2><p>{html.escape(common_widths(table, names))}</p>"
        f"{_rows(list(table))}"
        f"<h2>Reproducing this search</h2>{_provenance(table)}</body>"
    )
    write_atomically(path, page.encode("utf-8"))


def group_names(table: LookupTable) -> list[str]:
    """A name for each width: its index and the first layer that it scales, if it scales any."""
    first = [(each["layers"] or ["no layer"])[0] for each in table.supernet["groups"]]
    return [f"width {i}: {layer}" for i, layer in enumerate(first)]


def _section(title: str, note: str, figure: go.Figure, *, first: bool) -> str:
    chart = figure.to_html(full_html=False, include_plotlyjs=first, default_height="30rem")
    return f"<h2>{title}</h2><p>{note}</p>{chart}"


def _front_note(table: LookupTable) -> str:
    return (
        "Candidates near the front were timed again, in interleaved rounds "
        f"({table.timing_quality}). Front candidates are scored on the "
        f"{table.splits['report']} held-out images of the report split, all others on the "
        "selection split. Error bars are 95 % confidence intervals."
    )


def _grid_note(table: LookupTable) -> str:
    gains = gains_of(table)
    if gains is None:
        return (
            "The uniform grid was not timed beside the entries: there are too few candidates to "
            "predict its front, or latency is no objective."
        )
    pairs = [gain for gain in (gains.faster, gains.higher) if gain]
    named = "; ".join(f"{gain.config_id} beside {gain.grid_config_id}" for gain in pairs)
    return (
        "The front of the uniform grid (one width for the whole network), as the search predicts "
        "it, timed beside the entries in the same rounds and scored on the same held-out images. "
        "Error bars are 95 % confidence intervals; that of a pair's difference is narrower, as "
        "both saw the same images. "
        + "<br>".join(map(html.escape, gain_lines(table)))
        + (f"<br>The pairs: {named}." if named else "")
    )


def _curse_note(entries: Sequence[Entry]) -> str:
    losses = [entry.top1_selection - entry.accuracy.top1 for entry in entries]
    return (
        "Candidates are selected for a high top-1 on the selection split, which favours lucky ones "
        "(winner's curse): on average, the front's top-1 on the selection split minus that on the "
        f"held-out report split is {100 * statistics.mean(losses):+.2f} percentage points. The "
        "lookup table reports top-1 on the report split."
    )


def _growth_note(evaluations: Sequence[Evaluation], table: LookupTable) -> str:
    num_all = len(evaluations) * table.splits["selection"]
    num_scored = sum(len(each.correct) for each in evaluations)
    num_stopped = sum(len(each.correct) < table.splits["selection"] for each in evaluations)
    return (
        f"{len(evaluations)} candidates, {num_stopped} of them stopped early because a faster one "
        f"was better with 95 % confidence: {num_scored:,} of {num_all:,} images were scored. "
        "Worker time is summed over all workers."
    )


def _importance_note(is_available: bool) -> str:
    return (
        "Share of the variance over all candidates that each width and the resolution explain "
        "(fANOVA)."
        if is_available
        else "There are too few candidates to estimate importance."
    )


def _rows(entries: Sequence[Entry]) -> str:
    head = (
        *("config", "found by", "p50 ms", "95 % interval", "p90 ms", "p99 ms", "top-1 %"),
        *("95 % interval", "on selection %", "MMACs", "parameters"),
    )
    rows = [
        (
            *(e.config_id, e.origin, f"{e.latency.p50_ms:.3f}"),
            f"{e.latency.p50_low_ms:.3f}-{e.latency.p50_high_ms:.3f}",
            *(f"{e.latency.p90_ms:.3f}", f"{e.latency.p99_ms:.3f}", f"{100 * e.accuracy.top1:.2f}"),
            f"{100 * e.accuracy.top1_low:.1f}-{100 * e.accuracy.top1_high:.1f}",
            *(f"{100 * e.top1_selection:.2f}", f"{e.macs / 1e6:.2f}", f"{e.num_params:,}"),
        )
        for e in entries
    ]
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr>{body}</table>"


def _provenance(table: LookupTable) -> str:
    facts = {
        "command": table.provenance["command"],
        "weights (sha256)": table.supernet["weights_sha256"],
        "target": f"{table.target.device}, {table.target.runtime} {table.target.runtime_version}",
        "images": ", ".join(f"{name} {count:,}" for name, count in table.splits.items()),
        "versions": ", ".join(f"{k} {v}" for k, v in table.provenance["versions"].items()),
        "created (UTC)": table.provenance["created_utc"],
    }
    lines = (f"{name}: <code>{html.escape(str(value))}</code>" for name, value in facts.items())
    return f"<p>{'<br>'.join(lines)}</p>"
