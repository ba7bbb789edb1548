from pathlib import Path

from app.offers import MAX_OFFERS, Offers
from app.opening import Source


def test_an_offer_is_found_by_its_name_alone(source: Source) -> None:
    offers = Offers()
    name = offers.offer(source.table, Path("a"))
    assert offers.offer(source.table, Path("a")) == name
    assert len(name) >= 24
    assert offers.find(name) == (source.table, Path("a"))
    assert offers.find(name[:-1]) is None
    assert offers.offer(source.table, Path("b")) != name


def test_old_offers_are_forgotten(source: Source) -> None:
    offers = Offers()
    names = [offers.offer(source.table, Path(str(number))) for number in range(MAX_OFFERS + 1)]
    assert offers.find(names[0]) is None
    assert offers.find(names[1]) is not None
