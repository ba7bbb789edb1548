import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.opening import Source
from planner import Limits, LookupTable, select

ROOT = Path(__file__).parents[3]


def paused(table: LookupTable) -> LookupTable:
    """After a pause the slowest entry is the fastest."""
    entries = [
        replace(entry, conditions={"after_pause": other.latency})
        for entry, other in zip(table, reversed(table.entries), strict=True)
    ]
    return replace(table, entries=tuple(entries))


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    def started(*tables: LookupTable, **view: str) -> AppTest:
        paths = [tmp_path / f"{index}.json" for index in range(len(tables))]
        for path, table in zip(paths, tables, strict=True):
            table.write(path)
        monkeypatch.setattr(sys, "argv", ["explorer.py", *map(str, paths)])
        page = AppTest.from_file(str(ROOT / "app" / "explorer.py"), default_timeout=60)
        for name, value in view.items():
            page.query_params[name] = value
        page.run()
        assert not page.exception
        return page

    return started


def test_latencies_are_those_of_the_condition(
    start: Callable[..., AppTest], source: Source
) -> None:
    table = paused(source.table)
    page = start(table, budget="3")
    assert page.subheader[0].value == f"Chosen: {select(table, Limits(max_latency_ms=3)).config_id}"
    page.selectbox(key="condition").set_value("after_pause").run()
    assert not page.exception
    expected = select(table.under("after_pause"), Limits(max_latency_ms=3))
    assert page.subheader[0].value == f"Chosen: {expected.config_id}"
    assert page.query_params["condition"] == "after_pause"


def test_the_address_names_the_condition(start: Callable[..., AppTest], source: Source) -> None:
    page = start(paused(source.table), condition="after_pause")
    assert page.selectbox(key="condition").value == "after_pause"
    page = start(paused(source.table), condition="in_the_bath")
    assert page.selectbox(key="condition").value == "steady"
    assert "condition = 'in_the_bath', but it must be a condition of a table" in (
        page.warning[0].value.replace("\\", "")
    )


def test_tables_without_the_condition_are_left_out_and_counted(
    start: Callable[..., AppTest], sources: dict[str, Source]
) -> None:
    one, other = (source.table for source in sources.values())
    page = start(paused(one), other, condition="after_pause")
    assert "1 more were not measured under this condition." in [c.value for c in page.caption]
    assert "device" not in [box.key for box in page.selectbox]


def test_one_condition_needs_no_choice(start: Callable[..., AppTest], source: Source) -> None:
    page = start(source.table)
    assert "condition" not in [box.key for box in page.selectbox]
