import pytest

from nas.search.arguments import search_parser


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
