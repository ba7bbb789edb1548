from app.address import NAMES
from app.quantities import QUANTITIES
from app.terms import TERMS


def test_terms_are_those_of_the_pages() -> None:
    assert set(TERMS) <= {*NAMES, *QUANTITIES, "regret", "share", "resolution", "width"}
    assert all(text.endswith(".") and len(text) < 300 for text in TERMS.values())
