import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from planner import Artifact, DamagedTable, Entry, InvalidValue
from planner.artifacts import artifact_path, check_artifact

CONTENT = b"an artifact" * 1000


@pytest.fixture
def entry(new_entry: Callable[..., Entry]) -> Entry:
    artifact = Artifact(
        file="sub/a.onnx",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        size_bytes=len(CONTENT),
        max_abs_difference=0.0,
    )
    return new_entry(artifact=artifact)


def put(folder: Path, content: bytes) -> Path:
    (folder / "sub").mkdir(parents=True, exist_ok=True)
    (folder / "sub" / "a.onnx").write_bytes(content)
    return folder / "sub" / "a.onnx"


def test_a_whole_artifact_is_found(tmp_path: Path, entry: Entry) -> None:
    path = put(tmp_path, CONTENT)
    assert check_artifact(entry, tmp_path) == path


def test_a_changed_artifact_is_refused(tmp_path: Path, entry: Entry) -> None:
    put(tmp_path, CONTENT[:-1] + b"x")
    with pytest.raises(DamagedTable, match="sha256"):
        check_artifact(entry, tmp_path)
    put(tmp_path, CONTENT[:-1])
    with pytest.raises(DamagedTable, match="must have 11000 bytes, not 10999"):
        check_artifact(entry, tmp_path)


def test_a_missing_artifact_is_refused(
    tmp_path: Path, entry: Entry, new_entry: Callable[..., Entry]
) -> None:
    with pytest.raises(DamagedTable, match="can't be read"):
        check_artifact(entry, tmp_path)
    with pytest.raises(InvalidValue, match=r"nas\.export"):
        check_artifact(new_entry(), tmp_path)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, entry: Entry) -> None:
    put(tmp_path / "outside", CONTENT)
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "sub").symlink_to(tmp_path / "outside" / "sub")
    with pytest.raises(DamagedTable, match="leads out of it"):
        artifact_path(entry, tmp_path / "table")
