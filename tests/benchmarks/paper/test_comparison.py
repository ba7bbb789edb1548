from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.paper.budgets import BUDGETS
from benchmarks.paper.comparison import finished, summarise
from benchmarks.paper.report import boost, fronts, table
from benchmarks.paper.scores import interval
from benchmarks.paper.systems import Source, all_runs
from nas.evaluate.evaluation import to_text

SOURCE = Source(data="fashion-mnist-mini", data_root="", resolutions=(28, 16), num_classes=10)


def score(macs: int, selection: int, report: int, width: float = 1.0) -> dict[str, Any]:
    return {
        "correct": to_text(np.arange(100) < report),
        **{"macs": macs, "selection": selection, "report": report, "width": width},
        **{"resolution": 28, "num_selection": 100, "num_report": 100},
    }


def test_a_system_of_which_a_network_is_missing_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = list(all_runs(SOURCE, BUDGETS["toy"], {}))
    left = {"seed0-us-w1", "seed0-independent-w0.5"}
    monkeypatch.setattr(
        "benchmarks.paper.comparison.is_finished", lambda folder: folder.name not in left
    )
    there = finished(runs, tmp_path)
    assert [run.name for run in there] == [run.name for run in runs if run.name not in left]
    systems = {run.system for run in there}
    assert {run.system for run in runs} - systems == {"us", "independent"}
    assert "independent, unfinished" in systems


def test_the_summary_compares_systems() -> None:
    mutual = [score(10, 50, 50, 0.5), score(100, 80, 80)]
    alone = [score(10, 40, 40, 0.5), score(100, 72, 72)]
    result = summarise(
        {"mutual": {0: mutual, 1: mutual}, "independent": {0: alone, 1: alone}},
        {"mutual": {"epochs": 2, "cost": 1.0}, "independent": {"epochs": 2, "cost": 0.9}},
    )
    result["title"] = "made up"
    assert result["macs"] == [10, 100]
    assert result["systems"]["independent"]["volume_ratio"] == pytest.approx(0.8)
    assert result["full_network"]["mutual"]["top1"] == 0.8
    found = result["paired"]["mutual"]["independent"]
    assert [each["mean"] for each in found["by_budget"]] == pytest.approx([0.1, 0.08])
    assert found["full_network"]["low"] > 0
    assert "| independent | +10.0 (+5.6 to +14.2) | +8.0 (" in table(result)
    assert "| mutual | 2 | 2 | 1.00 | 50.0 +-9.8 | 80.0 +-" in table(result)
    assert "- independent is above mutual at no MMACs" in table(result)
    result["systems"]["independent"]["top1"][1] = interval([(83, 100)])
    assert "- independent is above mutual at 0.00 (by 3.00) MMACs" in table(result)
    assert len(fronts(result).data) == 2
    assert list(boost(result).data[0].x) == ["mutual", "independent"]
