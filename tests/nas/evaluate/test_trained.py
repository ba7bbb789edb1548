from pathlib import Path

import pytest

from nas.errors import NasError
from nas.evaluate.trained import load_trained, run_of
from supernet.errors import SupernetError


def test_a_run_gives_its_supernet_and_its_data(tiny_run: Path) -> None:
    trained = load_trained(tiny_run)
    assert trained.data.name == "fashion-mnist-mini"
    assert trained.supernet.space.resolutions == (12, 8)
    assert len(trained.document["weights_sha256"]) == 64


def test_a_folder_without_one_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SupernetError) as error:
        load_trained(tmp_path)
    assert "\n" not in str(error.value)


def test_the_supernet_is_in_the_run_that_was_passed_or_in_the_one_of_the_table(
    tiny_run: Path, tmp_path: Path
) -> None:
    assert run_of(None, tiny_run) == tiny_run
    assert run_of(tmp_path, tiny_run) == tmp_path
    with pytest.raises(NasError, match="pass the run that holds it as --supernet"):
        run_of(None, tmp_path)
