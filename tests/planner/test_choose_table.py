from collections.abc import Callable

import pytest

from planner import InvalidValue, LookupTable, Target
from planner.choose_table import choose_table, target_name

Tables = Callable[..., LookupTable]
Targets = Callable[..., Target]


@pytest.fixture
def tables(new_table: Tables, new_target: Targets) -> list[LookupTable]:
    return [
        new_table(target=new_target(**changes))
        for changes in (
            {"batch_size": 16, "num_threads": 11},
            {"batch_size": 1, "num_threads": 11},
            {"batch_size": 1, "num_threads": 1},
            {"batch_size": 1, "num_threads": 1, "dtype": "int8"},
            {"batch_size": 16, "num_threads": 11, "runtime_version": "2"},
        )
    ]


def test_whole_parts_of_the_name_come_first(tables: list[LookupTable]) -> None:
    assert choose_table(tables[:2], "batch 1") is tables[1]
    assert choose_table(tables[:2], "batch 16") is tables[0]
    assert choose_table(tables[1:3], "1 thread") is tables[2]
    assert choose_table(tables[:3], "11 threads, batch 1") is tables[1]
    assert choose_table(tables[2:4], "int8") is tables[3]
    assert choose_table(tables[:2], target_name(tables[1])) is tables[1]


def test_any_piece_will_do_where_no_whole_part_does(tables: list[LookupTable]) -> None:
    assert choose_table(tables[:2], "h 16") is tables[0]
    assert choose_table(tables[2:3], None) is tables[2]


def test_targets_that_differ_in_a_detail_are_told_apart_by_their_fingerprints(
    tables: list[LookupTable],
) -> None:
    alike = [tables[0], tables[4]]
    with pytest.raises(InvalidValue) as caught:
        choose_table(alike, "batch 16")
    assert "), runtime_version: 1.32.0 -> 2" in str(caught.value)
    for table in alike:
        shown = table.target.fingerprint[:12]
        assert shown in str(caught.value)
        assert choose_table(alike, shown) is table


@pytest.mark.parametrize("device", [None, "batch 1", "phone", "a" * 8])
def test_none_or_several_are_refused(device: str | None, tables: list[LookupTable]) -> None:
    with pytest.raises(InvalidValue, match="`--device` must name one target"):
        choose_table(tables[:4], device)
