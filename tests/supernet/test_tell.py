import pytest

from supernet.tell import to_stderr


@pytest.mark.parametrize(("rank", "lines"), [(None, 1), ("0", 1), ("1", 0)])
def test_of_all_processes_the_first_speaks(
    rank: str | None,
    lines: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
    to_stderr("a line")
    assert capsys.readouterr().err == "a line\n" * lines
