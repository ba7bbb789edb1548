"""What a training says to a terminal, to a pipe, and to a reader that goes away."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from supernet.train import log as log_module
from supernet.train.log import Log

ROOT = Path(__file__).parents[3]
TRAIN = [sys.executable, "-m", "supernet.train", "--epochs", "2", "--batch-size", "1000"]
TRAIN += ["--model-args", "depth=10", "widen=1", "stem_stride=2", "--resolutions", "12", "8"]
TRAIN += ["--evaluate-every", "1"]


def test_a_pipe_gets_lines_and_so_does_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "FIRST_LINE_AFTER_S", 0.0)
    log = Log(tmp_path / "train.log", num_steps=10, start=4, batch_size=64)
    log.advance({"loss": "2.000", "lr": "0.1"})
    log.advance({"loss": "1.000", "lr": "0.1"})  # within a minute
    log.line("epoch 1 of 2: fine")
    log.close()
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) == 2
    assert shown[0].startswith("step 5 of 10: loss 2.000, lr 0.1, ")
    assert shown[0].endswith(" left")
    assert shown[1] == "epoch 1 of 2: fine"
    written = (tmp_path / "train.log").read_text().splitlines()
    assert [line.split(" ", 2)[2] for line in written] == shown


def test_a_second_process_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log(None, num_steps=2, start=0, batch_size=64)
    log.advance({"loss": "2"})
    log.line("epoch")
    log.close()
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_no_training(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*TRAIN, "--out", str(tmp_path)], cwd=ROOT, stdout=writing, stderr=writing, timeout=200
    )
    os.close(writing)
    assert done.returncode == 0
    assert (tmp_path / "supernet" / "supernet.json").is_file()
    text = (tmp_path / "supernet" / "train.log").read_text()
    assert "epoch 1 of 2: top1" in text
    assert "epoch 2 of 2: top1" in text
    assert f"trained: {tmp_path}" in text  # what nobody read


@pytest.mark.slow
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_stream_that_is_closed_from_the_beginning_ends_no_training(closed: str) -> None:
    program = (
        "import sys; from supernet.train.log import surviving_streams; from pathlib import Path\n"
        "with surviving_streams(Path('missing/train.log')):\n"
        "    print('a line'); print('another', file=sys.stderr); sys.stderr.isatty()"
    )
    shell = ["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, program]
    assert subprocess.run(shell, cwd=ROOT, timeout=100).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_terminal_that_closes_ends_no_training(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*TRAIN, "--out", str(tmp_path)], cwd=ROOT, stderr=subprocess.DEVNULL
    ) as training:
        while not (tmp_path / "supernet" / "train.log").exists():  # the loop has begun
            assert training.poll() is None
            time.sleep(0.02)
        training.send_signal(signal.SIGHUP)
        assert training.wait(timeout=200) == 0
