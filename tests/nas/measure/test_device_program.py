"""Its parts; test_over_ssh.py runs it as the device does."""

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from nas.measure import device_program


def test_it_needs_the_standard_library_alone() -> None:
    for node in ast.walk(ast.parse(Path(device_program.__file__).read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= sys.stdlib_module_names
        if isinstance(node, ast.ImportFrom):
            assert str(node.module).split(".")[0] in sys.stdlib_module_names


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("", ""),
        ("\rtiming   0%\rtiming  42%", "timing  42%"),
        ("\rtiming 100%\n\nerror: busy\n\n", "error: busy"),
        ("x" * 10_000 + "\nlast", "last"),
    ],
)
def test_the_end_of_the_log_is_what_a_terminal_shows(text: str, end: str, tmp_path: Path) -> None:
    (tmp_path / device_program.LOG).write_text(text)
    assert device_program._end_of_log(tmp_path) == end


def test_a_lock_is_held_until_its_file_is_closed(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("a+") as other:
        with (tmp_path / "lock").open("a+") as lock:
            assert device_program._lock(lock)
            assert not device_program._lock(other)
        assert device_program._lock(other)


def test_a_python_that_the_system_manages_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    monkeypatch.setattr("sys.prefix", sys.base_prefix)
    assert device_program._pip(["numpy"]) == f"{sys.executable} -m pip install numpy"
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    assert "-m venv ~/mutualnas && ~/mutualnas/bin/pip install n" in device_program._pip(["numpy"])


def test_a_disk_that_is_too_small_is_refused_before_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_program, "KITS", tmp_path)
    request: dict[str, Any] = {"sha256": "0" * 64, "num_bytes": 1, "num_unpacked_bytes": 1 << 60}
    with pytest.raises(device_program.Refusal, match=r"^have \d+\.\d MB free for the kit, but has"):
        device_program.look(request)


def test_a_kit_that_arrives_damaged_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_program, "KITS", tmp_path)
    request = {"sha256": "0" * 64, "num_bytes": 3, "offset": 3}
    (tmp_path / f"{'0' * 16}.part").write_bytes(b"kit")
    with (tmp_path / "empty").open("w+") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(device_program.Refusal, match="undamaged, but its digest differs"):
            device_program.put(request)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_an_answer_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    device_program.say(log="two\nlines")
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert json.loads(line.removeprefix(device_program.ANSWER)) == {"log": "two\nlines"}
