from dataclasses import asdict, replace
from typing import Any

from nas.evaluate.gains import Gain
from nas.evaluate.paired import PairedDifference
from nas.report.gain_lines import gain_lines
from planner import LookupTable


def gain(mean: float, low: float, high: float, *, scale: float = 1.0) -> Gain:
    return Gain(
        config_id="w0.5_1-r8",
        latency_p50_ms=0.071 * scale,
        top1=0.902,
        grid_config_id="w0.9-r8",
        grid_latency_p50_ms=0.092 * scale,
        grid_top1=0.903,
        difference=PairedDifference(mean=mean, low=low, high=high),
    )


def told(table: LookupTable, faster: Gain | None, higher: Gain | None) -> list[str]:
    gains: dict[str, Any] = {
        "faster": faster and asdict(faster),
        "higher": higher and asdict(higher),
    }
    return gain_lines(replace(table, provenance={**table.provenance, "gains": gains}))


def test_a_shown_gain_reads_like_a_result(table: LookupTable) -> None:
    assert told(table, gain(-0.001, -0.009, 0.007), gain(0.011, 0.002, 0.02)) == [
        "beside the uniform grid, on 5,000 images that chose nothing (95 % interval):",
        "0.071 ms instead of 0.092 ms (-23%) for 90.2%: -0.1 points (-0.9 to +0.7)",
        "at 0.071 ms 90.2%: +1.1 points (+0.2 to +2.0) above the grid's best there",
    ]


def test_a_gain_that_the_images_do_not_show_is_called_so(table: LookupTable) -> None:
    assert told(table, gain(-0.008, -0.02, 0.004), gain(0.001, -0.008, 0.01))[1:] == [
        "not shown: 0.071 ms instead of 0.092 ms (-23%): -0.8 points (-2.0 to +0.4)",
        "not shown: above the grid's best at 0.071 ms: +0.1 points (-0.8 to +1.0)",
    ]


def test_no_line_is_longer_than_80_columns(table: LookupTable) -> None:
    for scale in (1, 1e3, 1e5):
        for each in (gain(-0.11, -0.123, 0.1, scale=scale), gain(0.12, 0.1, 0.14, scale=scale)):
            assert max(map(len, told(table, each, each))) <= 80


def test_without_a_grid_nothing_is_said_and_without_a_gain_just_that(table: LookupTable) -> None:
    assert gain_lines(table) == []
    [line] = told(table, None, None)
    assert line == "no entry is believed to be faster or more accurate than the uniform grid's best"
    assert len(line) <= 80
