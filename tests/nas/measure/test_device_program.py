"""The device's program alone, each request in a process of its own, as a connection runs it."""

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
        packed.writestr("measure.py", "")
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


def test_the_command_for_pip_fits_a_managed_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "base_prefix", "another")  # within an environment
    assert device_program._pip(["numpy"]) == f"{sys.executable} -m pip install numpy"
