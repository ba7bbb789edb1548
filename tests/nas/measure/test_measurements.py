"""test_measure.py runs the command; here is what a file must be."""

import json
from pathlib import Path

import pytest

from nas.errors import NasError
from nas.measure.measurements import FIELDS, check_measurements, read_measurements


def test_what_has_the_fields_is_taken_as_it_is() -> None:
    values: dict[str, object] = dict.fromkeys(FIELDS, 1)
    assert check_measurements(values, "it") is values


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "measurements.json"
    path.write_text(json.dumps(dict.fromkeys(FIELDS, 1)), encoding="utf-8-sig")
    assert read_measurements(path) == dict.fromkeys(FIELDS, 1)


@pytest.mark.parametrize("text", ["{", "[]", '{"target": {}}'])
def test_any_other_file_is_one_clear_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.json").write_text(text)
    with pytest.raises(NasError, match=r"wrong.json must be the measurements.json of a kit"):
        read_measurements(tmp_path / "wrong.json")
