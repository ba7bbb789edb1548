from pathlib import Path

from supernet.train.metrics import Metrics


def test_rows_after_the_step_and_half_a_row_are_dropped(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, ["loss_full", "top1_w1-r8"])
    metrics.begin(0)
    metrics.add(1, 10, 0.1, {"loss_full": 2.0})
    metrics.add(2, 20, 0.05, {"loss_full": 1.0, "top1_w1-r8": 0.5})
    with metrics.path.open("a") as file:
        file.write("3,1")
    metrics.begin(10)
    assert metrics.path.read_text() == "epoch,step,lr,loss_full,top1_w1-r8\n1,10,0.1,2,\n"
    metrics.begin(9)
    assert metrics.path.read_text() == "epoch,step,lr,loss_full,top1_w1-r8\n"


def test_rows_stay_when_other_corners_are_evaluated(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, ["loss_full", "top1_w1-r8"])
    metrics.begin(0)
    metrics.add(1, 10, 0.1, {"loss_full": 2.0, "top1_w1-r8": 0.5})
    without = Metrics(tmp_path, ["loss_full"])
    without.begin(10)
    without.add(2, 20, 0.1, {"loss_full": 1.0})
    again = Metrics(tmp_path, ["loss_full", "top1_w1-r8", "top1_w0.5-r8"])
    again.begin(20)
    again.add(3, 30, 0.1, {"loss_full": 0.5, "top1_w0.5-r8": 0.25})
    assert metrics.path.read_text().splitlines() == [
        "epoch,step,lr,loss_full,top1_w1-r8,top1_w0.5-r8",
        "1,10,0.1,2,0.5,",
        "2,20,0.1,1,,",
        "3,30,0.1,0.5,,0.25",
    ]


def test_tensorboard_gets_the_same_numbers(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    metrics = Metrics(tmp_path, ["loss_full"], tensorboard=True)
    metrics.begin(0)
    metrics.add(1, 10, 0.1, {"loss_full": 2.0})
    metrics.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss/full")] == [(10, 2.0)]
