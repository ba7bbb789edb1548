"""The command, on the embedded data and a tiny network."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from supernet.checkpoint import load_supernet
from supernet.data.sources import EMBEDDED
from supernet.job.training_job import TrainingJob
from supernet.models import build_model
from supernet.train.__main__ import main
from supernet.train.loop import Loop
from supernet.train.step import StepResult

TINY = [
    *("--model", "wide_resnet", "--model-args", "depth=10", "widen=1", "stem_stride=2"),
    *("--resolutions", "12", "8", "--epochs", "1", "--batch-size", "1000"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("train") / "run"
    assert main([*TINY, "--out", str(path)]) == 0
    return path


def test_given_weights_of_other_classes_leave_the_last_layer_fresh_and_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "weights.pt"
    given = build_model("wide_resnet", 7, {"depth": 10, "widen": 1, "stem_stride": 2})
    torch.save({"model": given.state_dict(), "epoch": 3}, weights)
    start = ["--preset", "embedded", "--weights", str(weights), "--sort-by-importance"]
    assert main([*TINY, *start, "--out", str(tmp_path / "run")]) == 0
    assert "initialised anew: " in capsys.readouterr().err
    assert load_supernet(tmp_path / "run")[1]["job"]["weights"] == str(weights)


def test_weights_that_are_not_there_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*TINY, "--data", EMBEDDED, "--weights", str(tmp_path / "no.pt")]
    arguments += ["--out", str(tmp_path / "run")]
    assert "must be a readable file" in refused(capsys, arguments)


def refused(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    """Run the command; return its one line of complaint."""
    capsys.readouterr()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    *bars, line = err.splitlines()
    assert line.startswith("error: ")
    assert not any("Traceback" in bar for bar in bars)
    return line


def test_a_run_has_its_files_and_loads(run: Path) -> None:
    names = {path.name for path in (run / "supernet").iterdir()}
    assert names == {"weights.safetensors", "supernet.json", "last", "metrics.csv", "train.log"}
    supernet, document = load_supernet(run)
    assert TrainingJob.from_json(document["job"]).hyperparameters.batch_size == 1000
    assert document["data"]["splits"]["report"]["num_images"] == 5000
    assert document["versions"]["torch"] == torch.__version__
    assert len(supernet.channels.groups) == 6  # stem and first stage share a sum
    assert supernet.space.groups == "stage"
    assert supernet.space.num_groups == 3


def test_a_finished_run_is_never_overwritten(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run / "supernet" / "weights.safetensors").read_bytes()
    assert "holds a trained supernet" in refused(capsys, [*TINY, "--out", str(run)])
    assert "seed: 1 here, 0 there" in refused(
        capsys, [*TINY, "--seed", "1", "--resume", "--out", str(run)]
    )
    assert main([*TINY, "--resume", "--out", str(run)]) == 0  # nothing left to do
    assert (run / "supernet" / "weights.safetensors").read_bytes() == before


def test_an_unfinished_run_goes_on_only_when_asked_to(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "supernet" / "last" / "state.safetensors"
    state.parent.mkdir(parents=True)
    state.write_bytes((run / "supernet" / "last" / "state.safetensors").read_bytes())
    assert "add --resume" in refused(capsys, [*TINY, "--out", str(tmp_path)])
    assert main([*TINY, "--resume", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "supernet" / "weights.safetensors").read_bytes() == (
        run / "supernet" / "weights.safetensors"
    ).read_bytes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_after_a_step_and_resume_ends_with_the_same_bits(
    run: Path, tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_step = Loop.one_step

    def signalled(loop: Loop, *arguments: Any, **options: Any) -> StepResult:
        if loop.num_steps_done == 4:
            signal.raise_signal(number)
        return one_step(loop, *arguments, **options)

    monkeypatch.setattr(Loop, "one_step", signalled)
    command = [*TINY, "--resume", "--out", str(tmp_path)]
    assert main(command) == 128 + number
    monkeypatch.undo()
    assert main(command) == 0
    for name in ("weights.safetensors", "metrics.csv"):
        mine, whole = (folder / "supernet" / name for folder in (tmp_path, run))
        assert mine.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "no/such/folder"], "--data must be"),
        (["--data", "torchvision:Nothing"], "Nothing"),
        (["--model", "resnet1"], "a model must be one of"),
        (["--model", "resnet18", "--model-args", "colour=red"], "does not take these options"),
        (["--resolutions", "0"], "resolution >= 1"),
        (["--model", "alexnet", "--model-args", "--resolutions", "16"], "must run on"),
        (["--model", "vgg11", "--model-args", "--resolutions", "28"], "must run on"),
        (["--width-range", "0.5", "0.9"], "highest width of --width-range must be 1"),
        (["--epochs", "0"], "epochs >= 1"),
        (["--seed", "-1"], "0 <= seed"),
        (["--seed", str(2**70)], "0 <= seed"),
        (["--batch-size", "20000"], "batch_size"),
        (["--set", "colour=1"], "but got 'colour'"),
        (["--set", "dtype=int8"], "must be one of float32"),
        (["--compile"], "choose a few --widths"),
    ],
)
def test_bad_input_is_one_clear_line_and_nothing_is_written(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refused(capsys, [*TINY, *arguments, "--out", str(tmp_path / "run")])
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_without_cuda_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, [*TINY, "--device", "cuda", "--out", str(tmp_path / "run")])
    assert "'cuda' is not" in line
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written_is_one_clear_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Root may write where permissions forbid it; nobody may write into /proc.
    assert "must be writable" in refused(capsys, [*TINY, "--out", "/proc/mutualnas"])


def test_list_models_prints_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list-models"]) == 0
    assert "mobilenet_v1\n" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--out", "x", "--model-args", "widen"]])
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "examples:" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--graphs", "--depthwise-kernels"])
def test_what_needs_cuda_is_refused_in_one_clear_line(
    option: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    line = refused(capsys, [*TINY, "--device", "cpu", option, "--out", str(tmp_path / "run")])
    assert f"{option} needs" in line
    assert "but got cpu: leave it out" in line
