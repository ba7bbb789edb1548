from pathlib import Path

import pytest

from nas.meter.atomic import write_atomically


def test_the_new_file_replaces_the_old_one_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "speed.json"
    for text in ("old", "new"):
        write_atomically(path, text)
        assert path.read_text() == text
    assert [each.name for each in tmp_path.iterdir()] == ["speed.json"]


def test_where_nothing_can_be_written_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    (path / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="folder"):
        write_atomically(path, "new")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
