import io
import sys
from itertools import count

import pytest

from supernet.bar import Bar


def test_without_a_terminal_there_is_a_line_a_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = count(0.0, 30.0)
    with Bar(total=8, desc="search", unit="config", mininterval=1.0) as bar:
        monkeypatch.setattr(bar, "_time", lambda: bar.start_t + next(minutes))
        for _ in range(8):
            bar.update()
    lines = capsys.readouterr().err.split("\n")
    assert lines.pop() == ""
    assert 2 <= len(lines) <= 4, "in 210 s"
    for line in lines:
        assert line.startswith("search: ")
        assert "config" in line
        assert "\r" not in line


def test_short_work_says_nothing_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(Bar(range(3), "prepare")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(Bar(range(3), "prepare")) == [0, 1, 2]
    assert "\rprepare: 100%|" in terminal.getvalue()
