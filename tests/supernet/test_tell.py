import os

import pytest

from supernet.tell import readable, to_stderr


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


def test_what_breaks_a_line_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsdecode(b"caf\xe9")
    to_stderr(f"a\nb\r\x1b[1m {name} \u2028 \ud800 na\u00efve")
    assert capsys.readouterr().err == "a\\nb\\r\\x1b[1m caf\\xe9 \\u2028 \\ud800 na\u00efve\n"
    assert readable(f"{name}\n\ud800") == "caf\\xe9\n\\ud800"
