from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.training import photographs_page
from benchmarks.training.photographs_page import (
    difference,
    figure,
    front_summary,
    rival,
    summary,
    tables,
    write_page,
)
from nas.evaluate.evaluation import to_text

SIDES = (128, 64)
NUM_IMAGES = 100


def made(system: str, seed: int, widths: tuple[float, ...], num_correct: int) -> dict[str, Any]:
    """A run that has the first images right: `num_correct` of them, less with width and side."""
    of = {
        f"w{width:g}-r{side}": num_correct - round(10 * (1 - width)) - (128 - side) // 8
        for width in widths
        for side in SIDES
    }
    return {
        "system": system,
        "seed": seed,
        "epochs": 27,
        "num_images": {"train": 2916, "selection": 50, "report": NUM_IMAGES},
        "correct": {c: {"selection": n // 2, "report": n} for c, n in of.items()},
        "correct_images": {c: to_text(np.arange(NUM_IMAGES) < n) for c, n in of.items()},
        "macs": {c: int(float(c[1:].partition("-")[0]) * int(c.partition("-r")[2]) * 1e5)
                 for c in of},
        "environment": {"cpu": "a CPU", "torch": "2.15"},
    }  # fmt: skip


@pytest.fixture
def runs() -> list[dict[str, Any]]:
    """Two seeds, of which the second has no plain networks yet."""
    found = [made("supernet", seed, (1.0, 0.75, 0.5), 90 + seed) for seed in (0, 1)]
    for width in (1.0, 0.75, 0.5):
        found += [made(rival("alone", width), seed, (width,), 88) for seed in (0, 1)]
        found.append(made(rival("plain", width), 0, (width,), 92))
    return found


def test_a_difference_counts_the_images_that_one_alone_has_right() -> None:
    """59 won and 6 lost of 254 count as 60 and 7 of 256: 0.207 +- 1.96 * 0.0292."""
    bits = {"won": np.arange(254) < 159, "lost": (np.arange(254) >= 59) & (np.arange(254) < 165)}
    run = {
        "num_images": {"report": 254},
        "correct_images": {name: to_text(each) for name, each in bits.items()},
    }
    found = difference((run, "won"), (run, "lost"))
    assert found.value == pytest.approx(100 * 53 / 254)
    assert found.low == pytest.approx(14.97, abs=0.05)
    assert found.high == pytest.approx(26.43, abs=0.05)
    same = difference((run, "won"), (run, "won"))
    assert (same.value, -same.low) == (0.0, same.high)
    assert same.high < 1.5


def test_each_width_is_compared_with_the_networks_alone(runs: list[dict[str, Any]]) -> None:
    rows = summary(runs)
    assert [(row["width"], row["seed"]) for row in rows] == [
        (width, seed) for width in (1.0, 0.75, 0.5) for seed in (0, 1)
    ]
    assert rows[0]["supernet - alone"]["value"] == pytest.approx(2.0)
    assert rows[0]["supernet - plain"]["value"] == pytest.approx(-2.0)
    assert "plain" not in rows[1]
    lines = list(tables(runs))
    assert lines[2].startswith("| width | seed | supernet | alone | supernet - alone | plain |")
    assert lines[4].startswith("| 1 | 0 | 90.0 (82.6 to 94.5) | 88.0 (80.2 to 93.0) | 2.0 (")
    assert lines[5].endswith("| - | - |")


def test_the_front_is_chosen_by_selection_within_the_macs(runs: list[dict[str, Any]]) -> None:
    rows = front_summary(runs)
    assert [row["resolution"] for row in rows] == [128, 128, 64, 64]
    assert [row["best"] for row in rows] == ["w1-r128", "w1-r128", "w0.5-r128", "w0.5-r128"]
    assert rows[2]["supernet - alone"]["value"] == pytest.approx(85 - 80)
    assert front_summary([run for run in runs if run["system"] != "supernet"]) == []


def test_the_figure_has_a_line_for_each_width_and_system(runs: list[dict[str, Any]]) -> None:
    drawn = figure(runs)
    assert [line.name for line in drawn.data] == [
        f"{system}, width {width}"
        for width in ("1", "0.75", "0.5")
        for system in ("supernet", "alone")
    ]
    assert list(drawn.data[0].x) == [128, 64]
    assert list(drawn.data[0].y) == [90.5, 82.5]
    assert len(figure(runs[:2]).data[1].x) == 0


def test_the_page_keeps_its_text_and_gets_new_tables(
    runs: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "photographs.md"
    page.write_text(photographs_page.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(photographs_page, "PAGE", page)
    drawn: list[Path] = []
    monkeypatch.setattr(
        "plotly.graph_objects.Figure.write_image", lambda self, path, **_: drawn.append(path)
    )
    write_page(runs)
    once = page.read_text(encoding="utf-8")
    assert "a CPU, torch 2.15; 2,916 photographs to train on, 27 epochs, 100 photographs" in once
    assert once.startswith("# ")
    write_page(runs)
    assert page.read_text(encoding="utf-8") == once
    assert [path.name for path in drawn] == ["photographs.png"] * 2
