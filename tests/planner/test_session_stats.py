import dataclasses

from planner import SessionStats


def test_the_late_share_is_defined_before_the_first_batch() -> None:
    stats = SessionStats(
        config_id="w1-r28",
        condition="steady",
        promised_ms=1.0,
        held=("w1-r28",),
        left_out={},
        load=1.0,
        num_batches=0,
        num_late=0,
        num_batches_by_config_id={},
        num_switches=0,
        num_loads=1,
        num_failed_loads=0,
    )
    assert stats.late_share == 0.0
    assert dataclasses.replace(stats, num_batches=8, num_late=2).late_share == 0.25
