from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.opening import Source
from planner import Limits, select

Open = Callable[..., AppTest]


def labels_of(page: AppTest) -> list[str]:
    return [str(getattr(button, "label", "")) for button in page.get("download_button")]


def test_the_chosen_entry_and_the_table_can_be_downloaded(open_page: Open, source: Source) -> None:
    page = open_page("export", {"test CPU": source}, budget=2.0)
    chosen = select(source.table, Limits(max_latency_ms=2.0)).config_id
    labels = labels_of(page)
    assert labels[0] == f"Download {chosen} as JSON"
    assert "Download 40 entries as JSON" in labels
    assert '"schema_version": 1' in page.code[0].value
    assert "nas.export" in page.info[0].value


def test_a_plans_entries_can_be_downloaded_alone(open_page: Open, source: Source) -> None:
    page = open_page("export", {"test CPU": source}, entries="worth shipping")
    page.slider(key="ship").set_value(3).run()
    labels = labels_of(page)
    assert "Download 3 entries as CSV" in labels


def test_the_code_on_the_page_selects_the_entry_on_the_page(
    open_page: Open, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page("export", {"test CPU": source}, budget=2.0, percentile="p99", margin=3.0)
    limits = Limits(max_latency_ms=2.0, percentile="p99", margin=3.0)
    chosen = select(source.table, limits)
    assert chosen != select(source.table, Limits(max_latency_ms=2.0))
    assert labels_of(page)[0] == f"Download {chosen.config_id} as JSON"
    monkeypatch.chdir(tmp_path)
    source.table.write(tmp_path / "lookup_table.json")
    names: dict[str, object] = {}
    exec(page.code[-1].value, names)
    assert names["entry"] == chosen
