import pytest

from benchmarks.search.efficiency import SYSTEMS, Halves, run, summary, table
from benchmarks.search.recorded import load_record


@pytest.mark.slow  # ten seconds
def test_a_replayed_search_beats_the_grid_on_images_that_it_has_not_seen() -> None:
    halves = Halves(load_record(), 3000)
    assert halves.steps.num_configs < 300
    found = run(halves, SYSTEMS["guide"], 0, 64)
    assert found["after"]["64"]["believed"] > found["after"]["32"]["believed"] > 1
    document = {"summary": {"guide": summary([found, found])}}
    assert "guide, steps (the default)" in table(document)
    assert document["summary"]["guide"]["after"]["64"]["deviation"] == 0
