from pathlib import Path

import pytest

from nas.errors import StudyError
from nas.search.storage import open_study


def open_at(url: str, **belongs_to: str) -> int:
    study = open_study(url, directions=["maximize"], belongs_to=belongs_to)
    study.tell(study.ask(), 1.0)
    return len(study.trials)


@pytest.mark.parametrize("prefix", ["sqlite:///", "journal:"])
def test_a_study_is_opened_as_it_was_left(prefix: str, tmp_path: Path) -> None:
    url = f"{prefix}{tmp_path / 'study'}"
    assert [open_at(url, weights="abc") for _ in range(3)] == [1, 2, 3]


def test_a_study_of_something_else_is_refused(tmp_path: Path) -> None:
    url = f"journal:{tmp_path / 'study'}"
    open_at(url, weights="abc")
    with pytest.raises(StudyError, match="weights was abc, is def"):
        open_at(url, weights="def")


def test_what_cannot_be_opened_is_told_in_one_line_without_the_password() -> None:
    with pytest.raises(StudyError, match="must be an Optuna storage") as caught:
        open_at("postgresql+pg8000://me:secret@localhost:1/none")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "me@localhost" in str(caught.value)
