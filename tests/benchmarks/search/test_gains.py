import pytest

from benchmarks.search.gains import RULES, lines, replayed
from benchmarks.search.recorded import load_record


@pytest.mark.slow  # ten seconds
def test_few_images_make_no_pair_that_what_is_believed_alone_makes() -> None:
    record = load_record()
    found = {str(n): replayed(record, n, range(2)) for n in (292, 3000)}
    for rules in found.values():
        assert rules["images"]["pairs"] <= rules["belief"]["pairs"] == 2
    assert found["292"]["images"]["pairs"] < 2
    assert len(lines({"found": found})) == 2 + 2 * len(RULES) + 1
