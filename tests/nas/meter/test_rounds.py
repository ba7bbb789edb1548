import gc
from random import Random

from nas.meter.rounds import MAX_RUNS_PER_VISIT, Round, make_round, no_garbage_collection, warm_up


class Task:
    """Says when it runs; each run takes `seconds` of the shared time."""

    now = 0.0

    def __init__(self, name: str, log: list[str], seconds: float = 0.001) -> None:
        self.name, self.log, self.seconds = name, log, seconds

    def run(self) -> None:
        self.log.append(self.name)
        Task.now += self.seconds


def clock() -> float:
    return Task.now


def test_a_round_visits_the_kernel_before_and_after_and_each_candidate_twice() -> None:
    log: list[str] = []
    tasks = [Task(name, log) for name in "ab"]
    found = make_round(tasks, [3, 2], Task("k", log), Random(0), clock)
    assert log[0] == log[-1] == "k"
    assert (log.count("a"), log.count("b")) == (8, 6)  # the first of each visit is not timed
    assert [len(s) for s in (*found.first_s, *found.second_s)] == [3, 2, 3, 2]
    assert len(found.reference_s) == 10


def test_a_rounds_median_is_of_both_visits() -> None:
    assert Round([1.0] * 2, ([1.0, 2.0],), ([3.0, 9.0],)).median_s(0) == 2.5


def test_the_kernels_slower_visit_tells_of_a_round() -> None:
    made = Round([1.0, 5.0, 1.0, 2.0, 2.0, 9.0], ([1.0],), ([1.0],))
    assert made.reference_visits_s == ([1.0, 5.0, 1.0], [2.0, 2.0, 9.0])
    assert made.reference_visit_s == 2.0


def test_warm_up_ends_when_the_time_is_stable_and_says_how_many_runs_fill_a_visit() -> None:
    log: list[str] = []
    assert warm_up(Task("a", log, 0.001), 10.0, clock) == 10
    assert len(log) == 6
    assert warm_up(Task("a", log, 1e-6), 10.0, clock) == MAX_RUNS_PER_VISIT
    assert warm_up(Task("a", log, 1.0), 10.0, clock) == 2


def test_garbage_is_collected_again_afterwards() -> None:
    assert gc.isenabled()
    with no_garbage_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
