import io
import sys

import pytest
from tqdm import tqdm

from supernet.bar import Bar


def test_without_a_terminal_there_is_a_line_a_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    with Bar(total=8, desc="search", unit="config", mininterval=1.0) as bar:
        monkeypatch.setattr(bar, "_time", lambda: bar.start_t + now[0])
        for _ in range(8):
            now[0] += 30.0
            bar.update()
    lines = capsys.readouterr().err.split("\n")
    assert lines.pop() == ""
    assert len(lines) == 4, "in 240 s"
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


def test_lines_come_a_minute_apart_though_the_pace_drops(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    with Bar(total=200, desc="decode") as bar:
        monkeypatch.setattr(bar, "_time", lambda: bar.start_t + now[0])
        for seconds in [1.0] * 100 + [30.0] * 8:
            now[0] += seconds
            bar.update()
    assert len(capsys.readouterr().err.splitlines()) == 5, "in 340 s"


def test_what_others_say_through_tqdm_writes_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar(total=2, desc="copy") as bar:
        bar.update()
        tqdm.write("the line has dropped", file=sys.stderr)
    assert capsys.readouterr().err == "the line has dropped\n"


def test_where_stderr_is_closed_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert list(Bar(range(3), "prepare")) == [0, 1, 2]
