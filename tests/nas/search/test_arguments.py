import pytest
import torch

from nas.search.arguments import job_from, search_parser


@pytest.mark.parametrize(
    "arguments",
    [
        ["--trials", "0"],
        ["--trials", "many"],
        ["--what"],
        ["--max-latency-ms", "nan"],
        ["--max-macs", "-1"],
        ["--role", "nothing"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        search_parser().parse_args(arguments)
    assert caught.value.code == 2


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        search_parser().parse_args(["--help"])
    assert "examples:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "dtypes"),
    [
        ([], ("float16",)),
        (["--runtime", "onnxruntime"], ("float32",)),
        (["--dtypes", "bfloat16"], ("bfloat16",)),
        (["--role", "accuracy"], ("float32",)),
    ],
)
def test_on_cuda_the_default_number_type_is_half_of_float32(
    arguments: list[str], dtypes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "nas.search.arguments.choose_device", lambda name: torch.device(name or "cuda")
    )
    assert job_from(search_parser().parse_args(arguments)).dtypes == dtypes
    cpu = search_parser().parse_args(["--device", "cpu"])
    assert job_from(cpu).dtypes == ("float32",)
