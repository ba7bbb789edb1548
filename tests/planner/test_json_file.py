import json
from pathlib import Path

import pytest

from planner import DamagedTable
from planner.json_file import MAX_BYTES, MAX_MARKS, check_storable, parse_json, read_json


def test_plain_json_is_read(tmp_path: Path) -> None:
    value = {"a": [1, 2.5, None, True, "\u00e9"], "b": {}}
    (tmp_path / "x.json").write_text(json.dumps(value))
    assert read_json(tmp_path / "x.json") == value


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must be JSON"),
        (b'{"a": 1', "must be JSON"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"\xef\xbb\xbf{}", "must be JSON"),
        (b'{"a": NaN}', "finite"),
        (b'{"a": -Infinity}', "finite"),
        (b'{"a": 1, "a": 2}', "unique"),
        (b'{"a": {"b": 1, "b": 1}}', "unique"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"1" * 10_000, "must be JSON"),
        (b'"line\nbreak"', "must be JSON"),
        (b"," * (MAX_MARKS + 1), "at most"),
    ],
)
def test_what_is_not_plain_is_refused_in_one_line(content: bytes, words: str) -> None:
    with pytest.raises(DamagedTable, match=words) as caught:
        parse_json(content)
    assert "\n" not in str(caught.value)


def test_what_is_no_ordinary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedTable, match="must be a file"):
        read_json(tmp_path)
    with pytest.raises(DamagedTable, match="can't be read"):
        read_json(tmp_path / "none.json")
    with pytest.raises(DamagedTable, match="must be a file"):
        read_json(Path("/dev/zero"))


def test_a_huge_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    with (tmp_path / "x.json").open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)  # sparse: it takes no room on the disk
    with pytest.raises(DamagedTable, match=f"at most {MAX_BYTES} bytes"):
        read_json(tmp_path / "x.json")


@pytest.mark.parametrize(
    ("content", "words"), [(b'{"a": [1e999]}', "finite"), (b'["\\ud800"]', "surrogate")]
)
def test_what_reads_but_could_not_be_written_is_found(content: bytes, words: str) -> None:
    check_storable(parse_json(b'{"a": [1e99, "\\u00e9"]}'))
    with pytest.raises(DamagedTable, match=words):
        check_storable(parse_json(content))
