"""The device's program alone, each request in a process of its own, as a connection runs it."""

import ast
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from nas.measure import device_program

PROGRAM = Path(device_program.__file__)


def kit() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr(zipfile.ZipInfo("measure.py"), "")  # always dated 1980: the same bytes
    return content.getvalue()


def answers(cache: Path, content: bytes, action: str, **more: Any) -> list[dict[str, Any]]:
    """What the device answers to one request about the kit."""
    request = {
        "action": action,
        "sha256": hashlib.sha256(kit()).hexdigest(),
        "num_bytes": len(kit()),
        "num_unpacked_bytes": 1000,
        **more,
    }
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        input=json.dumps(request).encode() + b"\n" + content,
        stdout=subprocess.PIPE,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        check=True,
    )
    lines = done.stdout.decode().splitlines()
    return [json.loads(line.removeprefix(device_program.ANSWER)) for line in lines]


def test_a_kit_arrives_in_parts_and_is_unpacked_when_it_is_whole(tmp_path: Path) -> None:
    assert answers(tmp_path, b"", "look") == [{"num_bytes": 0, "is_ready": False}]
    assert answers(tmp_path, kit()[:40], "put", offset=0) == []
    assert answers(tmp_path, b"", "look") == [{"num_bytes": 40, "is_ready": False}]
    assert answers(tmp_path, kit()[40:], "put", offset=40)[-1]["is_ready"]
    (folder,) = (tmp_path / "mutualnas" / "kits").iterdir()
    assert [path.name for path in folder.iterdir()] == ["measure.py"]


def test_a_damaged_kit_is_refused_and_nothing_of_it_stays(tmp_path: Path) -> None:
    (refused,) = answers(tmp_path, b"", "look") and answers(
        tmp_path, bytes(len(kit())), "put", offset=0
    )
    assert "its digest differs; repeat the command" in refused["refused"]
    assert list((tmp_path / "mutualnas" / "kits").iterdir()) == []


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


def test_an_answer_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    device_program.say(log="two\nlines")
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert json.loads(line.removeprefix(device_program.ANSWER)) == {"log": "two\nlines"}
