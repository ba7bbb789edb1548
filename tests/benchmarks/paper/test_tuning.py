from benchmarks.paper.tuning import best, volumes


def score(macs: int, selection: int) -> dict[str, int]:
    return {"macs": macs, "selection": selection, "num_selection": 100}


def test_the_rate_with_the_best_front_is_chosen_for_each_recipe() -> None:
    found = {
        "us": {0.1: [score(10, 50), score(100, 80), score(1000, 0)], 0.2: [score(10, 60)]},
        "mutual": {0.1: [score(10, 60), score(100, 60)], 0.2: [score(10, 59), score(100, 99)]},
    }
    areas = volumes(found)
    assert best(areas) == {"us": 0.1, "mutual": 0.2}
    assert areas["us"][0.1] > areas["us"][0.2]
