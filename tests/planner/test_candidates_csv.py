from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner import Candidate, DamagedTable, Entry, read_candidates, write_candidates
from planner.candidate import VALUES
from planner.candidates_csv import COLUMNS, widths_from_text, widths_to_text


def plain(entry: Entry) -> Candidate:
    return Candidate.from_values(**{name: entry.value(name) for name in VALUES})


def test_a_file_gives_the_candidates_back(
    tmp_path: Path, new_entries: Callable[..., tuple[Entry, ...]], new_entry: Callable[..., Entry]
) -> None:
    candidates = [*map(plain, new_entries(20)), plain(new_entry(peak_memory_bytes=None))]
    write_candidates(tmp_path / "candidates.csv", candidates)
    assert read_candidates(tmp_path / "candidates.csv") == candidates
    lines = (tmp_path / "candidates.csv").read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert ",0.25_0.5_1," in lines[-1]


def test_a_file_from_before_number_types_is_read(
    tmp_path: Path, new_entries: Callable[..., tuple[Entry, ...]], new_entry: Callable[..., Entry]
) -> None:
    path, candidates = tmp_path / "candidates.csv", [*map(plain, new_entries(20))]
    write_candidates(path, candidates)
    table = [line.split(",") for line in path.read_text().splitlines()]
    place = table[0].index("dtype")
    path.write_text("".join(",".join(row[:place] + row[place + 1 :]) + "\n" for row in table))
    assert read_candidates(path) == candidates
    write_candidates(path, [plain(new_entry(dtype="int8"))])
    assert read_candidates(path)[0].config.dtype == "int8"


def test_no_candidates_is_a_file_with_a_header(tmp_path: Path) -> None:
    write_candidates(tmp_path / "candidates.csv", [])
    assert read_candidates(tmp_path / "candidates.csv") == []


@given(st.lists(st.floats(1e-9, 1), min_size=1, max_size=5).map(tuple))
def test_widths_read_back_exactly(widths: tuple[float, ...]) -> None:
    assert widths_from_text(widths_to_text(widths)) == widths


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (",0.81,", ",high,", "line 2: column `top1`"),
        (",0.81,", ",nan,", "line 2: `top1` must be a number from 0 to 1, but got nan"),
        ("0.25_0.5_1,", "0.25__1,", "line 2: column `width_mults`"),
        ("macs,", "flops,", "line 2: column `macs`"),
        (",measured", "", "line 2: column `kind`|line 2: `kind`|line 2: column `peak"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(
    tmp_path: Path, new_entry: Callable[..., Entry], old: str, new: str, words: str
) -> None:
    path = tmp_path / "candidates.csv"
    write_candidates(path, [plain(new_entry())])
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DamagedTable, match=words):
        read_candidates(path)


def test_a_repeated_config_is_refused(tmp_path: Path, new_entry: Callable[..., Entry]) -> None:
    write_candidates(tmp_path / "candidates.csv", [plain(new_entry())] * 2)
    with pytest.raises(DamagedTable, match=r"line 3: `config_id` .* must occur once"):
        read_candidates(tmp_path / "candidates.csv")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b\n\0", b'config_id\n"' + b"x" * 200_000])
def test_what_is_no_csv_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "candidates.csv").write_bytes(content)
    with pytest.raises(DamagedTable, match=r"line \d+"):
        read_candidates(tmp_path / "candidates.csv")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedTable, match="can't be read"):
        read_candidates(tmp_path / "none.csv")
