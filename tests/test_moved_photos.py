"""A run whose photos have moved: every command that reads images takes them with --data."""

import argparse
import itertools
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.evaluate.trained import load_trained
from nas.export.__main__ import main as export
from nas.health.__main__ import main as health
from nas.kit.__main__ import main as kit
from nas.measure.__main__ import main as measure
from nas.search.__main__ import main as search
from nas.search.arguments import job_from
from nas.search.job import SearchJob
from planner import LookupTable
from supernet import Hyperparameters, SearchSpace, TrainingJob
from supernet.errors import DataError
from supernet.train import train

FAST = ["--num-threads", "1", "--allow-noisy"]
RUN, TABLE = "run", "run/search/lookup_table.json"
COMMANDS: list[tuple[Callable[[list[str]], int], list[str]]] = [
    (search, ["--out", RUN, "--trials", "2", *FAST]),
    (health, [RUN, "--num-widths", "2", "--device", "cpu"]),
    (measure, [TABLE, "--out", "measured.json", "--max-s", "1", *FAST]),
    (export, [RUN, "--out", "release"]),
    (kit, [RUN, "--out", "kit.zip"]),
]


def make_photos(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for part, name, i in itertools.product(("train", "val"), ("dark", "light"), range(60)):
        path = folder / part / name / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shade = 60 if name == "dark" else 200
        pixels = rng.integers(shade - 50, shade + 50, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, its photos in `moved/photos`, and what was in `photos` in training."""
    folder = tmp_path_factory.mktemp("trained")
    make_photos(folder / "photos")
    job = TrainingJob(
        data="photos",
        model_options={"depth": 10, "widen": 1, "stem_stride": 2},
        space=SearchSpace(resolutions=(12, 8)),
        hyperparameters=Hyperparameters(batch_size=50),
        epochs=1,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        train(job, RUN)
    (folder / "moved").mkdir()
    (folder / "photos").rename(folder / "moved" / "photos")
    return folder


@pytest.fixture(autouse=True)
def in_its_folder(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    monkeypatch.setenv("HOME", str(trained / "moved"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(trained / "cache"))
    monkeypatch.setenv("BROWSER_PATH", "none")

    def quick_job(args: argparse.Namespace) -> SearchJob:
        return replace(job_from(args), trial_s=0.1, front_s=0.5)

    monkeypatch.setattr("nas.search.__main__.job_from", quick_job)


@pytest.mark.parametrize(("command", "arguments"), COMMANDS)
def test_every_command_takes_the_new_folder_and_names_the_option_where_it_is_missing(
    command: Callable[[list[str]], int],
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command([*arguments, "--data", "~/photos"]) == 0, capsys.readouterr()
    capsys.readouterr()
    assert command(arguments) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: the images of run must be in 'photos'")
    assert line.endswith("as --data\n")
    assert line.count("\n") == 1


@pytest.mark.slow
def test_a_table_says_where_the_photos_were_and_are() -> None:
    assert search(["--out", RUN, "--trials", "2", *FAST, "--data", "moved/photos/"]) == 0
    table = LookupTable.read(Path(TABLE))
    assert table.provenance["training"]["data"] == "photos"
    assert table.supernet["data"] == "moved/photos"
    assert "--data moved/photos/" in table.provenance["command"]


def test_missing_and_changed_photos_are_named(tmp_path: Path) -> None:
    """Though the folder that they are in now was never checked."""
    shutil.copytree("moved/photos", tmp_path / "photos")
    assert load_trained(Path(RUN), data=tmp_path / "photos").data.num_images["train"] == 120
    gone, changed = (tmp_path / "photos" / "train" / "dark" / name for name in ("3.png", "7.png"))
    content = gone.read_bytes()
    for copy in ("a", "b"):  # the first is all that the cache knows of it
        shutil.copytree(tmp_path / "photos", tmp_path / copy)
    (tmp_path / "a" / gone.relative_to(tmp_path / "photos")).unlink()
    with pytest.raises(DataError, match=r"1 image missing, such as train/dark/3\.png"):
        load_trained(Path(RUN), data=tmp_path / "a")
    (tmp_path / "b" / changed.relative_to(tmp_path / "photos")).write_bytes(content)
    with pytest.raises(DataError, match=r"1 image, such as train/dark/7\.png"):
        load_trained(Path(RUN), data=str(tmp_path / "b"))


def test_other_data_are_refused() -> None:
    with pytest.raises(DataError, match="must have the 2 classes"):
        load_trained(Path(RUN), data="fashion-mnist-mini")
    with pytest.raises(DataError, match="but got 'nowhere'"):
        load_trained(Path(RUN), data="nowhere")


def test_photos_without_a_trained_run_are_refused_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new"
    assert search(["--out", str(out), "--data", "moved/photos", *FAST]) == 2
    line = capsys.readouterr().err
    assert "train one with python -m supernet.train --data moved/photos" in line
    assert not out.exists()
