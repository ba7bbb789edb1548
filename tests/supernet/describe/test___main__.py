"""The command, as a person uses it."""

from collections.abc import Callable

import pytest
from torch import Tensor, nn

from supernet.describe.__main__ import main


class Net(nn.Module):
    """`rigid` convolutions before which a cumulative sum keeps the channels."""

    def __init__(self, num_classes: int, rigid: int, hidden: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 1)
        self.body = nn.ModuleList([nn.Conv2d(16, 16, 3, padding=1) for _ in range(rigid)])
        self.hidden, self.head = nn.Linear(16, hidden), nn.Linear(hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for layer in self.body:
            x = layer(x.cumsum(1))
        x = self.hidden(x.cumsum(1).mean((2, 3)))
        return self.head(x)  # type: ignore[no-any-return]


def hardly(num_classes: int) -> nn.Module:
    return Net(num_classes, rigid=3, hidden=32)


def rigid(num_classes: int) -> nn.Module:
    return Net(num_classes, rigid=1, hidden=1)


THIS = "tests.supernet.describe.test___main__"


def test_groups_shares_and_what_stays_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["wide_resnet", "--num-classes", "10", "--resolutions", "28", "16", "--width-range"]
    options = ["--groups", "layer", "--model-args", "depth=10", "widen=1"]
    assert main([*argv, "0.5", "1", *options]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "6 channel groups, 6 widths: a config has 6, or one for all"
    assert lines[2].split() == ["width", "channels", "at", "0.5", "layers"]
    assert lines[-1].startswith("proven on random images in float64 (values and gradients): width")
    assert any(line.startswith("macs: ") and "100.0% in elastic layers" in line for line in lines)
    assert err == ""


def test_little_that_is_elastic_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"{THIS}:hardly", "--num-classes", "4", "--resolutions", "16"]) == 0
    out, err = capsys.readouterr()
    assert "kept at full width:\n  64 channels, aten.cumsum in the network itself" in out
    assert err.startswith("warning: only 0.0% of the MACs are in elastic layers")


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        ([f"{THIS}:rigid"], "but all stay (aten.cumsum in the network itself: their order counts)"),
        (["nope"], "a model must be one of"),
        (["resnet18", "--num-classes", "0"], "--num-classes must be 1 or more, but got 0"),
        (["resnet18", "--resolutions", "0"], "`resolution >= 1` must hold"),
        (["resnet18", "--width-range", "0.5", "0.8"], "highest width of --width-range must be 1"),
        (["alexnet", "--resolutions", "224", "8"], "the network must run at 8 px"),
    ],
)
def test_bad_input_is_one_line(argv: list[str], error: str, refusal: Callable[..., str]) -> None:
    assert error in refusal(main, argv)


def test_a_single_width_asks_for_nothing_elastic(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--num-classes", "4", "--resolutions", "16", "--width-range", "1", "1"]
    assert main([f"{THIS}:rigid", *argv]) == 0
    assert capsys.readouterr().err == ""
