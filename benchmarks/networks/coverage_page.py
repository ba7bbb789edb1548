"""docs/model_coverage.md, written from the results of benchmarks/networks/model_coverage.py."""

import textwrap
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "model_coverage.md"
MOST_PARAMS = 0.45
"""Share of the parameters that may be left with all groups at 0.5, in a plain CNN."""

LINE_LENGTH = 100
PLAIN = 0.95
"""A network is a plain CNN when more than this share of its MACs is in elastic layers."""

Rows = dict[str, dict[str, Any]]


MOSTLY = 0.8
"""An elastic share of the MACs that is told of timm's networks."""


def _mostly_elastic(rows: Rows) -> int:
    return sum(row["elastic_macs"] > MOSTLY for row in _good(rows).values())


def write_page(document: dict[str, Any]) -> None:
    """A table for torchvision's networks and one for timm's, with what is remarkable."""
    rows: Rows = dict(sorted(document["models"].items()))
    timm = {name: row for name, row in rows.items() if name.startswith("timm/")}
    theirs = {name: row for name, row in rows.items() if name not in timm}
    versions = document["environment"]
    lines = [
        "# Which networks become supernets",
        "",
        *_filled(
            f"{_converted(theirs)} classification networks of torchvision "
            f"{versions['torchvision']} and {_converted(timm)} of timm (one or more a family) "
            f"convert; of timm's, {_mostly_elastic(timm)} have more than {MOSTLY:.0%} of the MACs "
            f"in elastic layers. PyTorch {versions['torch']}, {versions['cpu']}, one thread, fresh "
            "weights. This page is written by `python -m benchmarks.networks.model_coverage`; its "
            "JSON lists the channels that stay at full width.",
            _checks({name: row for name, row in _good(rows).items() if "earlier" not in row}),
            _costs(_good(theirs)),
            _shrinking(_good(theirs)),
            "MACs count convolutions and linear layers; *elastic* is their share in layers that "
            "some width narrows. *At 0.5*: what remains with every group at width 0.5; a layer "
            "between two groups keeps a quarter, a classifier or a depthwise convolution a half, "
            "and channels are rounded to multiples of 8, in narrow layers of 4, 2 or 1. "
            "*Difference*: see above. *ONNX*: the same between ONNX Runtime and the extracted "
            "network. *Trace*: CPU seconds, beside other work, on several machines. Rows were "
            "measured one by one, while the tracer was being improved.",
            *_earlier(rows),
        ),
        *_table(theirs),
        "",
        "## timm",
        "",
        *_table(timm),
        "",
        "What stays at full width in them, and why:",
        "",
        *[f"- {name}: {why} ({n} channels)" for name, why, n in _kept(_good(timm))],
        "",
    ]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(lines), encoding="utf-8")


def _filled(*paragraphs: str) -> list[str]:
    return [line for text in paragraphs for line in [*textwrap.wrap(text, LINE_LENGTH), ""]]


def _earlier(rows: Rows) -> list[str]:
    """What is to be said of rows that an earlier version of the benchmark has measured."""
    if not any("earlier" in row for row in rows.values()):
        return []
    return [
        "\\* not measured again since the benchmark was changed: times by the clock, networks not "
        "woken (no difference where all fresh outputs are zero); what is said above of differences "
        "and gradients is of the others."
    ]


def _good(rows: Rows) -> Rows:
    return {name: row for name, row in rows.items() if "error" not in row}


def _converted(rows: Rows) -> str:
    return f"{len(_good(rows))} of {len(rows)}"


def _checks(rows: Rows) -> str:
    without = [name for name, row in rows.items() if row["with_gradient"] < row["num_parameters"]]
    still = min(rows, key=lambda name: rows[name]["smallest_change"])
    largest = max(row["largest_difference"] for row in rows.values())
    return (
        "For three configs with random widths, the outputs of the extracted network differ from "
        f"the supernet's by at most {largest:.1e} of the largest output (mostly not at all: both "
        "run the same kernels). To make that comparison meaningful, weights that are initially "
        "zero are first replaced by random ones and BN is calibrated: another image then changes "
        f"the outputs by at least {rows[still]['smallest_change']:.1e} of the largest ({still}). "
        "Backward passes of the last config, in eval and in training mode, give every parameter a "
        f"finite, nonzero gradient; exceptions (a ReLU of few channels can be off for all images): "
        f"{_names(without)}."
    )


def _names(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _costs(rows: Rows) -> str:
    name, row = max(rows.items(), key=lambda item: item[1]["params"])
    slowest = max(rows, key=lambda name: rows[name]["trace_cpu_s"])
    more_mib = row["after_trace_mib"] - row["before_trace_mib"]
    return (
        f"The largest, {name} ({row['params'] / 1e6:.0f} M parameters), takes "
        f"{row['trace_cpu_s']} s to trace and {more_mib} MiB on top of the "
        f"{row['before_trace_mib']} MiB of the process with the network; with its subnets and "
        f"gradients the peak is {row['peak_memory_mib']} MiB. The slowest is {slowest} "
        f"with {rows[slowest]['trace_cpu_s']} s."
    )


def _shrinking(rows: Rows) -> str:
    plain = {name: row for name, row in rows.items() if row["elastic_macs"] > PLAIN}
    more = {name: row for name, row in plain.items() if row["params_at_half"] > MOST_PARAMS}
    macs = sorted(row["macs_at_half"] for row in plain.values())
    exceptions = [
        f" {name} keeps {row['params_at_half']:.1%} of its parameters: "
        f"{row['classifier_params']:.0%} of them are the classifier's, whose classes stay, and "
        "narrow layers round up to multiples of 8."
        for name, row in more.items()
    ]
    return (
        f"Of the {len(plain)} of torchvision's networks with more than {PLAIN:.0%} of the MACs in "
        f"elastic layers, {len(plain) - len(more)} keep at most {MOST_PARAMS:.0%} of their "
        f"parameters at 0.5; all keep {macs[0]:.0%} to {macs[-1]:.0%} of their MACs."
        + "".join(exceptions)
    )


def _table(rows: Rows) -> list[str]:
    head = "network | groups | MACs (M) | elastic | MACs at 0.5 | parameters at 0.5"
    lines = [f"| {head} | difference | ONNX | trace (s) |", "|---" * 9 + "|"]
    for name, row in rows.items():
        if "error" in row:
            lines.append(f"| {name} | {row['error']} |" + " |" * 7)
            continue
        shares = (f"{row[key]:.1%}" for key in ("elastic_macs", "macs_at_half", "params_at_half"))
        difference, mark = row["largest_difference"], "\\*" if "earlier" in row else ""
        apart = "-" if difference is None else f"{difference:.1e}"
        counts = f"{row['num_groups']} | {row['macs'] / 1e6:.1f}"
        numbers = f"{apart} | {_onnx(row)} | {row['trace_cpu_s']:.2f}"
        lines.append(
            f"| {name.removeprefix('timm/')}{mark} | {counts} | {' | '.join(shares)} | {numbers} |"
        )
    return lines


def _onnx(row: dict[str, Any]) -> str:
    """What the artifact of one config differs by, or why there is none; "-": not yet measured."""
    found = row.get("onnx_difference", "-")
    return found if isinstance(found, str) else f"{found:.1e}"


def _kept(rows: Rows) -> list[tuple[str, str, int]]:
    return [
        (name.removeprefix("timm/"), why, number)
        for name, row in rows.items()
        for why, number in row["kept"].items()
    ]
