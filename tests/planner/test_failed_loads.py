from planner.failed_loads import FailedLoads


def test_each_further_failure_waits_twice_as_long() -> None:
    failed = FailedLoads(60.0)
    error, now_s, waits = ValueError("gone"), 0.0, []
    for _ in range(9):
        failed.add("a", error, now_s)
        start_s = now_s
        while "a" in failed.left_out:
            now_s += 60.0
            failed.release_due(now_s)
        waits.append((now_s - start_s) / 60.0)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    assert failed.num_failures == 9


def test_what_was_loaded_begins_anew() -> None:
    failed = FailedLoads(60.0)
    failed.add("a", ValueError("1"), 0.0)
    failed.add("a", ValueError("2"), 0.0)
    assert not failed.release_due(100.0)
    failed.forget("a")
    assert not failed.left_out
    failed.forget("a")
    failed.add("a", ValueError("3"), 100.0)
    assert [str(error) for error in failed.left_out.values()] == ["3"]
    assert failed.release_due(160.0)
    assert not failed.left_out
    assert not failed.release_due(500.0)
