from collections.abc import Callable

import pytest

from nas.macs.__main__ import main


def test_both_counts_are_printed_layer_by_layer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mobilenet_v2", "--resolution", "64", "--num-classes", "10"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["layer", "MACs", "by", "thop", "difference"]
    assert lines[1].split() == ["features.0.0", "884,736", "884,736", "0"]
    assert lines[-3].split() == ["classifier.1", "12,800", "12,800", "0"]
    assert len(lines) == 2 + 53 + 1  # 52 convolutions and the classifier
    assert lines[-1] == "the layer counts differ by 0.000% of the MACs in total"


def test_options_of_the_model_and_the_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vit_b_32", "--resolution", "64", "--model-args", "image_size=64"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("- MultiheadAttention computes linear layers and products of activ")
    assert last.endswith("encoder.layers.encoder_layer_11.self_attention")


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (["nope"], "a model must be one of"),
        (["resnet18", "--model-args", "nope=1"], "does not take these options"),
        (["resnet18", "--resolution", "0"], "--resolution must be 1 or more, but got 0"),
        (["resnet18", "--num-classes", "-1"], "--num-classes must be 1 or more, but got -1"),
        (["alexnet", "--resolution", "8"], "the network must accept 3x8x8 images"),
    ],
)
def test_bad_input_is_one_line(argv: list[str], error: str, refusal: Callable[..., str]) -> None:
    assert error in refusal(main, argv)


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert "python -m nas.macs mobilenet_v2\n" in capsys.readouterr().out
