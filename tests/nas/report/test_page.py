import re
from dataclasses import replace
from pathlib import Path

import numpy
import pytest

from nas.evaluate.evaluation import Evaluation
from nas.report.page import group_names, write_report
from planner import Candidate, LookupTable


@pytest.fixture
def page(table: LookupTable, candidates: list[Candidate], tmp_path: Path) -> str:
    full, part = numpy.ones(1, dtype=bool), numpy.ones(0, dtype=bool)  # selection has one image
    seen = (full, full, part)
    scored = [
        Evaluation(candidate=each, correct=right, duration_s=60.0)
        for each, right in zip(candidates, seen, strict=True)
    ]
    write_report(tmp_path / "report.html", table, scored)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_needs_no_network_and_holds_plotly_once(page: str) -> None:
    assert "<script src=" not in page
    assert 1_000_000 < len(page) < 8_000_000


def test_everything_promised_is_on_the_page(page: str) -> None:
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == [
        "Pareto front",
        "Uniform grid and search",
        "Selection and report splits",
        "Growth of the hypervolume",
        "Importance of the groups",
        "All candidates",
        "Lookup table",
        "Reproducing this search",
    ]
    assert page.count("Plotly.newPlot(") == 6


def test_numbers_in_words_are_those_of_the_search(page: str) -> None:
    assert "3 candidates, 1 of them stopped early" in page
    assert "2 of 3 images were scored" in page
    assert "The uniform grid was not timed beside the entries" in page
    assert "held-out report split is +0.00 percentage points" in page
    assert "<td>w1-r8</td>" in page
    assert "<p>In all 2 entries width 0: stem is 0.5. </p>" in page


def test_each_width_is_called_after_its_layers(table: LookupTable) -> None:
    assert group_names(table) == ["width 0: stem"]


def test_a_width_that_scales_no_layer_has_a_name_too(table: LookupTable) -> None:
    groups = [{"layers": [], "num_channels": 0}]
    rigid = replace(table, supernet={**table.supernet, "groups": groups})
    assert group_names(rigid) == ["width 0: no layer"]
