import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from nas.search.fitting_table import print_fitting

SHORT, LONG = "w0.25_0.5_0.75-r128", "w" + "_".join(["0.75"] * 12) + "-r128"
DISPENSABLE = ("found by", "MMACs", "p90 ms", "95% interval")


def rows_of(*ids: str) -> list[dict[str, str]]:
    cells = {
        "found by": "baseline",
        "p50 ms": "1234.567",
        "p90 ms": "2345.678",
        "top-1 %": "100.0",
        "95% interval": "99.8-100.0",
        "MMACs": "4089.18",
    }
    return [{"config": config_id, **cells} for config_id in ids]


def printed(rows: list[dict[str, str]], width: int) -> list[str]:
    out = io.StringIO()
    print_fitting(rows, Console(file=out, width=width), dispensable=DISPENSABLE)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("ids", [(SHORT,), (LONG,), ("w1-r8", SHORT), (SHORT, LONG)])
def test_no_number_and_no_config_id_is_cut(ids: tuple[str, ...], width: int) -> None:
    rows = rows_of(*ids)
    lines = printed(rows, width)
    assert max(map(len, lines)) <= max(width, len("#1 ") + max(map(len, ids)))
    names = re.split("  +", lines[0].strip())
    assert {"config", "p50 ms", "top-1 %"} <= set(names)
    assert [name for name in rows[0] if name in names] == names
    in_table = [dict(zip(names, line.split(), strict=True)) for line in lines[1 : 1 + len(ids)]]
    below = dict(line.split() for line in lines[1 + len(ids) :])
    for row, shown in zip(rows, in_table, strict=True):
        config_id = below.get(shown["config"], shown["config"])
        assert {**shown, "config": config_id} == {name: row[name] for name in names}


@pytest.mark.parametrize(
    ("config_id", "width", "omitted"),
    [
        (SHORT, 120, set[str]()),
        (SHORT, 80, {"found by"}),
        (SHORT, 60, {"found by", "MMACs", "p90 ms"}),
        (LONG, 120, {"found by"}),
        (LONG, 80, set[str]()),  # a list of configs below leaves room for all
    ],
)
def test_what_can_be_dispensed_with_is_omitted_first(
    config_id: str, width: int, omitted: set[str]
) -> None:
    (row,) = rows_of(config_id)
    header = printed([row], width)[0]
    assert {name for name in row if name not in header} == omitted


@pytest.mark.parametrize("terminal", [True, False])
def test_no_colour_is_honoured(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=terminal)
    print_fitting(rows_of(SHORT), console)
    colours: Callable[[str], list[str]] = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m").findall
    assert not colours(out.getvalue())
    if not terminal:
        assert "\x1b" not in out.getvalue()
