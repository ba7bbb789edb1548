from pathlib import Path

import pytest

from supernet.data.scan import Findings
from supernet.data.shard_names import files_of, part_of, shards_of
from supernet.errors import DataError


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train-00000-of-00001.parquet", "train"),
        ("Training_0.tar", "training"),
        ("dev.tar", "dev"),
        ("evaluation-0.tar", "evaluation"),
        ("trainval-0.tar", ""),
        ("valley.tar", ""),
        ("0000.parquet", ""),
    ],
)
def test_a_name_begins_with_its_split(name: str, part: str) -> None:
    assert part_of(Path(name)) == part


def test_files_are_those_of_a_kind_that_can_be_seen(tmp_path: Path) -> None:
    for name in ("train-1.tar", "train-0.TAR", "._train-0.tar", "train-0.parquet"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in files_of(tmp_path, ".tar")] == ["train-0.TAR", "train-1.tar"]
    assert files_of(tmp_path / "nothing", ".tar") == []


def test_each_split_has_its_files_and_others_are_told(tmp_path: Path) -> None:
    for name in ("train-1.tar", "train-0.tar", "val.tar", "test_0.tar", "more.tar"):
        (tmp_path / name).write_bytes(b"")
    findings = Findings(tmp_path)
    found = shards_of(tmp_path, ".tar", findings)
    assert {split: [path.name for path in paths] for split, paths in found.items()} == {
        "train": ["train-0.tar", "train-1.tar"],
        "selection": ["val.tar"],
        "report": ["test_0.tar"],
    }
    (note,) = findings.notes()
    assert "skipped 1 .tar file, such as more.tar: their names begin with no split's" in note
    (tmp_path / "eval.tar").write_bytes(b"")
    with pytest.raises(DataError, match="some are 'val' and some 'eval'"):
        shards_of(tmp_path, ".tar", findings)
