from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.offers import OFFERS
from app.opening import Source
from planner import Artifact, Limits, make_plans, select

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


@pytest.mark.parametrize(
    ("view", "limits"),
    [
        ({"budget": 2.0}, Limits(max_latency_ms=2.0)),
        (
            {"budget": 3.0, "percentile": "p99", "margin": 1.0},
            Limits(max_latency_ms=3.0, percentile="p99", margin=1.0),
        ),
        ({"budget": 4.0, "max_macs": 0.5}, Limits(max_latency_ms=4.0, max_macs=0.5e6)),
    ],
)
def test_the_code_selects_the_entry_that_the_page_shows(
    open_page: Open,
    source: Source,
    view: dict[str, object],
    limits: Limits,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = open_page("export", {"test CPU": source}, address_view=view)
    monkeypatch.chdir(tmp_path)
    source.table.write(tmp_path / "lookup_table.json")
    names: dict[str, object] = {}
    exec(next(code.value for code in page.code if "Limits(" in code.value), names)
    chosen = select(source.table, limits)
    assert names["entry"] == chosen
    assert labels_of(page)[0] == f"Download {chosen.config_id} as JSON"


def test_a_picked_entry_is_exported(open_page: Open, source: Source) -> None:
    picked = source.table.entries[-1].config_id
    page = open_page("export", {"test CPU": source}, address_view={"budget": 1.0, "config": picked})
    assert labels_of(page)[0] == f"Download {picked} as JSON"
    assert any(f'by_config_id["{picked}"]' in code.value for code in page.code)


def test_a_part_without_the_chosen_entry_says_what_the_code_selects(
    open_page: Open, source: Source
) -> None:
    shipped = {*make_plans([source.table], 1)[0].config_ids}
    slow = next(e for e in reversed(source.table.entries) if e.config_id not in shipped)
    view = {"config": slow.config_id, "entries": "worth shipping", "ship": 1}
    page = open_page("export", {"test CPU": source}, address_view=view)
    assert any(f"are without {slow.config_id}" in info.value for info in page.info)


def test_nothing_is_zipped_before_it_is_asked_for(
    open_page: Open, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every visit zipped all artifacts in memory."""
    monkeypatch.setattr("app.archive.zipped", None)
    (tmp_path / "a.onnx").write_text("content")
    artifact = Artifact(file="a.onnx", sha256="ab" * 32, size_bytes=7, max_abs_difference=0.0)
    entries = tuple(replace(entry, artifact=artifact) for entry in source.table)
    table = replace(source.table, entries=entries)
    exported = replace(source, table=table, artifacts=tmp_path)
    monkeypatch.setattr(OFFERS, "served", False)
    page = open_page("export", {"test CPU": exported})
    assert any("40 artifacts" in caption.value for caption in page.caption)
    monkeypatch.setattr(OFFERS, "served", True)
    page = open_page("export", {"test CPU": exported})
    (link,) = page.get("link_button")
    name = link.proto.url.split("/")[1]
    assert OFFERS.find(name) == (table, tmp_path)
    (tmp_path / "a.onnx").unlink()
    page = open_page("export", {"test CPU": exported})
    assert "can't be read" in page.warning[0].value
    page = open_page("export", {"test CPU": replace(exported, artifacts=None)})
    assert "uploaded" in page.info[0].value
