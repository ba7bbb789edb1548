"""test_runtime.py holds it against networks of known size."""

from pathlib import Path

import pytest

import nas.runtimes.peak_memory
from nas.runtimes.peak_memory import peak_memory_bytes


def test_it_is_unknown_where_the_system_does_not_tell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(nas.runtimes.peak_memory, "STATUS", tmp_path / "status")
    assert peak_memory_bytes(b"", "onnxruntime", 1) is None
