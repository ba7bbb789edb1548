from benchmarks.search.efficiency import needed, summary


def test_a_share_needs_so_many_evaluations() -> None:
    assert needed([0.9, 0.995, 0.994, 0.999], 0.995) == 2
    assert needed([0.9, 0.99], 0.995) is None


def test_what_is_never_reached_is_more_than_any_number() -> None:
    def run(evaluations: int | None) -> dict[str, object]:
        reached = dict.fromkeys(("0.99", "0.995", "0.999"), evaluations)
        return {"num_evaluations": 100, "evaluations_to": reached, "share_at_the_end": 0.99}

    found = summary([run(30), run(50), run(None)])
    assert found["median_evaluations_to"]["0.995"] == 50
    assert found["worst_evaluations_to"]["0.995"] is None
    assert summary([run(30), run(None), run(None)])["median_evaluations_to"]["0.995"] is None
