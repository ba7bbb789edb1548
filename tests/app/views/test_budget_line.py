import random

from app.views.budget_line import rounded_up


def test_a_budget_is_rounded_up_so_that_the_clicked_point_keeps_it() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        place = 10 ** rng.uniform(-4, 4)
        up = rounded_up(place)
        assert place <= up * (1 + 1e-9)
        assert up <= place * 1.0011
        assert float(f"{up:.4g}") == up
    assert rounded_up(0.5) == 0.5
