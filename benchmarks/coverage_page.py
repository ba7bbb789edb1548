"""docs/model_coverage.md, written from the results of benchmarks/model_coverage.py."""

from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "model_coverage.md"
MOST_PARAMS = 0.45
"""Share of the parameters that may be left with all groups at 0.5, in a plain CNN."""

LEAST_CHANGE = 1e-3
"""How much another image must change the outputs, relative to the largest."""

Rows = dict[str, dict[str, Any]]


def write_page(document: dict[str, Any]) -> None:
    """A table for torchvision's networks and one for timm's, with what is remarkable."""
    rows: Rows = dict(sorted(document["models"].items()))
    timm = {name: row for name, row in rows.items() if name.startswith("timm/")}
    theirs = {name: row for name, row in rows.items() if name not in timm}
    versions = document["environment"]
    lines = [
        "# Which networks become supernets",
        "",
        f"{_converted(theirs)} classification networks of torchvision {versions['torchvision']}",
        f"and {_converted(timm)} CNNs of timm (one or two a family) convert: PyTorch",
        f"{versions['torch']}, {versions['cpu']}, one thread, fresh weights.",
        "Written by `python -m benchmarks.model_coverage`; what stays whole is in its JSON.",
        "",
        *_checks(_good(rows)),
        "",
        *_remarks(_good(theirs)),
        "",
        "MACs count convolutions and linear layers; *elastic* is their share in layers that some",
        "width narrows. *At 0.5*: what is left with every group at width 0.5; a layer between two",
        "groups keeps a quarter, a classifier or a depthwise convolution a half, and channels are",
        "rounded to 8. *Difference*: see above. *Trace*: seconds.",
        "",
        *_table(theirs),
        "",
        "## timm",
        "",
        *_table(timm),
        "",
        "What stays whole in them, and why:",
        "",
        *[f"- {name}: {why} ({n} channels)" for name, why, n in _kept(_good(timm))],
        "",
    ]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(lines), encoding="utf-8")


def _good(rows: Rows) -> Rows:
    return {name: row for name, row in rows.items() if "error" not in row}


def _converted(rows: Rows) -> str:
    return f"{len(_good(rows))} of {len(rows)}"


def _checks(rows: Rows) -> list[str]:
    every = sum(row["with_gradient"] == row["num_parameters"] for row in rows.values())
    silent = [name for name, row in rows.items() if not row["smallest_change"] > LEAST_CHANGE]
    largest = max(row["largest_difference"] for row in rows.values())
    return [
        "For three configs with a random width for each group, outputs of the extracted network",
        f"differ from the supernet's by at most {largest:.1e} of the largest (mostly not at all:",
        f"both run the same kernels). In {len(rows) - len(silent)} of {len(rows)} another image",
        f"changes the outputs by more than {LEAST_CHANGE:.0e} of the largest, so that equality",
        "says something; the others' fresh weights answer nearly the same to all images:",
        f"{', '.join(silent) or 'none'}.",
        f"In {every} of {len(rows)} the backward pass of the last config gives every parameter a",
        "finite gradient that is not zero; most others start with branches of zero, hold auxiliary",
        "heads that run only in training, or units that no image of noise switches on.",
    ]


def _remarks(rows: Rows) -> list[str]:
    name, row = max(rows.items(), key=lambda item: item[1]["params"])
    slowest = max(rows, key=lambda name: rows[name]["trace_s"])
    resnet = f" ResNet-50 takes {rows['resnet50']['trace_s']} s." if "resnet50" in rows else ""
    lines = [
        f"The largest, {name} ({row['params'] / 1e6:.0f} M parameters), takes {row['trace_s']} s",
        f"to trace and {row['after_trace_mib'] - row['before_trace_mib']} MiB more than the",
        f"{row['before_trace_mib']} MiB that the process with the network had; with its subnets",
        f"and a gradient the peak is {row['peak_memory_mib']} MiB. The slowest to trace is",
        f"{slowest} with {rows[slowest]['trace_s']} s.{resnet}",
    ]
    for other, its in rows.items():
        if its["elastic_macs"] > 0.95 and its["params_at_half"] > MOST_PARAMS:
            lines += [
                f"{other} keeps {its['params_at_half']:.1%} of its parameters at 0.5, because",
                f"{its['classifier_params']:.0%} of them are the classifier's, whose classes stay,",
                "and narrow layers round up to multiples of 8.",
            ]
    return lines


def _table(rows: Rows) -> list[str]:
    head = "network | groups | MACs (M) | elastic | MACs at 0.5 | parameters at 0.5"
    lines = [f"| {head} | difference | trace (s) |", "|---" * 8 + "|"]
    for name, row in rows.items():
        if "error" in row:
            lines.append(f"| {name} | {row['error']} |" + " |" * 6)
            continue
        shares = (f"{row[key]:.1%}" for key in ("elastic_macs", "macs_at_half", "params_at_half"))
        numbers = f"{row['largest_difference']:.1e} | {row['trace_s']:.2f}"
        lines.append(
            f"| {name.removeprefix('timm/')} | {row['num_groups']} | {row['macs'] / 1e6:.1f} | "
            f"{' | '.join(shares)} | {numbers} |"
        )
    return lines


def _kept(rows: Rows) -> list[tuple[str, str, int]]:
    return [
        (name.removeprefix("timm/"), why, number)
        for name, row in rows.items()
        for why, number in row["kept"].items()
    ]
