"""What `planner diff` prints: a Diff as text, JSON or Markdown."""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict
from typing import Any

from planner.diff import BudgetChange, Change, ConfigChange, Diff, Regression
from planner.plain_text import in_markdown
from planner.table import LookupTable
from planner.target_difference import listed

MAX_LISTED = 20


def failures(diff: Diff, kinds: Collection[str]) -> tuple[Regression, ...]:
    """The regressions of these kinds."""
    return tuple(one for one in diff.regressions if one.kind in kinds)


def to_text(diff: Diff, kinds: Collection[str]) -> str:
    """Lines for a terminal: what changed beyond noise, then the regressions of `kinds`."""
    lines = [_counts(diff)]
    if diff.common is not None:
        lines.append(f"together: {_common(diff)}")
    lines += [
        f"  {one.config_id}: {_latency(one.latency_p50_ms)}, {_top1(one.top1)}"
        for one in _changed(diff)
    ]
    lines += [
        f"  under {one.max_latency_ms:.4g} ms: {one.old.config_id} -> {_now(one)}"
        for one in _changed_budgets(diff)
    ]
    worse = failures(diff, kinds)
    if not worse:
        return "\n".join([*lines, "no regression"])
    title = "regressions beyond noise and allowance:"
    return "\n".join([*lines, title, *(f"  {one.text}" for one in worse)])


def to_json(diff: Diff, kinds: Collection[str]) -> str:
    """One JSON object with all changes; docs/ci.md lists its fields."""
    worse = failures(diff, kinds)
    values: dict[str, Any] = {
        "verdict": "regression" if worse else "fine",
        "fail_on": sorted(kinds),
        "regressions": [asdict(one) for one in worse],
        "other_regressions": [asdict(one) for one in diff.regressions if one.kind not in kinds],
        "same_target": diff.old.target == diff.new.target,
        "targets": {"old": _target(diff.old), "new": _target(diff.new)},
        "target_differences": diff.target_differences,
        "allowances": {
            "session_spread": diff.spread,
            "max_latency_regress": diff.max_latency_regress,
            "max_top1_drop": diff.max_top1_drop,
        },
        "common": diff.common and asdict(diff.common),
        "configs": [
            {
                "config_id": one.config_id,
                "latency_p50_ms": _values(one.latency_p50_ms),
                "top1": _values(one.top1),
            }
            for one in diff.configs
        ],
        "added": diff.added,
        "removed": diff.removed,
        "budgets": [
            {
                "max_latency_ms": one.max_latency_ms,
                "old": one.old.config_id,
                "new": one.new and one.new.config_id,
                "top1": _values(one.top1),
            }
            for one in diff.budgets
        ],
    }
    return json.dumps(values, indent=2, allow_nan=False)


def to_markdown(diff: Diff, kinds: Collection[str]) -> str:
    """A summary for a pull request or a job: verdict, regressions, and the configs that changed."""
    worse = failures(diff, kinds)
    lines = [f"### {'Regression' if worse else 'No regression'} in the lookup table", ""]
    lines += [f"- {in_markdown(one.text)}" for one in worse[:MAX_LISTED]]
    if len(worse) > MAX_LISTED:
        lines.append(f"- and {len(worse) - MAX_LISTED} more")
    lines += ["", *_sentences(diff)]
    changed = _changed(diff)
    if changed:
        lines += [
            "",
            "| config | p50, ms | change | top1, % | change |",
            "|---|---:|---:|---:|---:|",
        ]
        lines += [_row(one) for one in changed]
    return "\n".join(lines)


REPORTS: dict[str, Callable[[Diff, Collection[str]], str]] = {
    "text": to_text,
    "json": to_json,
    "markdown": to_markdown,
}


def _counts(diff: Diff) -> str:
    return (
        f"{len(diff.configs)} configs in both, {len(diff.added)} added, {len(diff.removed)} removed"
    )


def _common(diff: Diff) -> str:
    common = diff.common
    assert common is not None
    spread = f"{diff.spread:.1%}"
    verdict = {
        -1: f"faster than the {spread} that two sessions may differ by",
        0: f"within the {spread} that two sessions may differ by",
        1: f"slower than the {spread} that two sessions may differ by",
    }[common.sign]
    return f"{common.relative:+.1%} ({common.low:+.1%} to {common.high:+.1%}), {verdict}"


def _sentences(diff: Diff) -> Iterator[str]:
    yield _counts(diff) + "."
    if diff.common is not None:
        yield f"All common configs together: {_common(diff)}."
    if diff.old.target != diff.new.target:
        differences = in_markdown(listed(diff.target_differences))
        yield f"**The tables were measured on different targets.** {differences}"


def _changed(diff: Diff) -> list[ConfigChange]:
    return [one for one in diff.configs if one.latency_p50_ms.sign or one.top1.sign]


def _changed_budgets(diff: Diff) -> list[BudgetChange]:
    return [one for one in diff.budgets if one.top1.sign]


def _now(budget: BudgetChange) -> str:
    return f"{budget.new.config_id}, {_top1(budget.top1)}" if budget.new else "nothing fits"


def _latency(change: Change) -> str:
    return f"{change.old:.4g} -> {change.new:.4g} ms ({change.relative:+.1%})"


def _top1(change: Change) -> str:
    return f"top1 {change.old:.4f} -> {change.new:.4f}"


def _row(one: ConfigChange) -> str:
    latency, top1 = one.latency_p50_ms, one.top1
    return (
        f"| `{one.config_id}` | {latency.old:.4g} -> {latency.new:.4g} | "
        f"{latency.relative:+.1%} | {top1.old * 100:.2f} -> {top1.new * 100:.2f} | "
        f"{(top1.new - top1.old) * 100:+.2f} |"
    )


def _values(change: Change) -> dict[str, float]:
    return {"old": change.old, "new": change.new, "sign": change.sign}


def _target(table: LookupTable) -> dict[str, object]:
    return {"name": ", ".join(table.target.traits), "fingerprint": table.target.fingerprint}
