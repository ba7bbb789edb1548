"""The command, as a person uses it."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from supernet.data.__main__ import main


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        folder = tmp_path / "photos" / "train" / name
        folder.mkdir(parents=True)
        for i in range(6):
            pixels = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}.png")
    return tmp_path / "photos"


def test_all_is_told_on_stdout(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (photos / "train" / "cat" / "0.png").write_bytes(b"damaged")
    (photos / "train" / "cat" / "notes.txt").write_bytes(b"")
    assert main([str(photos)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for expected in ("skipped 1 .txt file,", "1 image cannot be used", "cat ", "recommended: "):
        assert expected in out
    assert main([str(photos)]) == 0  # the second time from what was kept
    assert capsys.readouterr().out == out


def test_whoever_has_read_enough_may_go(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)  # as `| head` does
    with open(writing, "w", encoding="utf-8") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main([str(photos)]) == 0


def test_strict_exits_with_2(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(photos), "--strict"]) == 0
    (photos / "train" / "cat" / "0.png").write_bytes(b"damaged")
    capsys.readouterr()
    assert main([str(photos), "--strict"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_a_class_whose_name_breaks_lines_is_one_line_of_the_table(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "train" / "cat").rename(photos / "train" / "c\nt")
    assert main([str(photos)]) == 0
    assert any(line.startswith("c\\nt ") for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("given", ["nothing", "torchvision:Nothing"])
def test_bad_input_is_one_line(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([given]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "python -m supernet.data photos/" in capsys.readouterr().out
