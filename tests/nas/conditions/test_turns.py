from random import Random

from nas.conditions.turns import turns


def test_every_item_has_its_turn_in_every_round_in_changing_order(shares: list[float]) -> None:
    found = list(turns("abcd", 5, Random(0), shares.append))
    rounds = ["".join(found[start : start + 4]) for start in range(0, 20, 4)]
    assert all(sorted(each) == ["a", "b", "c", "d"] for each in rounds)
    assert len(set(rounds)) > 1
    assert shares == [(index + 1) / 20 for index in range(20)]
