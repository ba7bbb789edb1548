"""One folder of classes: formats, links and what is no image."""

import os
import sys
from pathlib import Path

import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from supernet.data.scan import Findings, image_suffixes, scan_classes
from supernet.errors import DataError


def save(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6), (10, 20, 30)).save(path)
    return path


def scan(folder: Path) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    findings = Findings(folder)
    found = scan_classes(folder, {os.path.realpath(folder)}, findings)
    return {
        name: [os.path.relpath(path, folder / name) for path in paths]
        for name, paths in found.items()
    }, findings.notes()


@pytest.mark.parametrize(
    "suffix",
    ["jpg", "JPG", "jpe", "jfif", "jp2", "png", "bmp", "gif", "tif", "webp", "pgm", "avif"],
)
def test_formats_that_pillow_opens(tmp_path: Path, suffix: str) -> None:
    save(tmp_path / "cat" / f"0.{suffix}")
    assert scan(tmp_path) == ({"cat": [f"0.{suffix}"]}, ())


def test_what_starts_other_programs_or_is_no_photo_is_not_opened() -> None:
    assert not {".eps", ".ps", ".h5", ".mpg", ".wmf", ".pdf", ".txt", ""} & image_suffixes()


def test_each_kind_of_other_file_is_counted(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "0.png")
    for name in ("a.heic", "b.HEIC", "notes.txt", "README"):
        (tmp_path / "cat" / name).write_bytes(b"")
    found, notes = scan(tmp_path)
    assert found == {"cat": ["0.png"]}
    start = f"{tmp_path}: skipped"
    if ".heic" not in image_suffixes():
        assert notes == (
            f"{start} 2 .heic files, such as cat/a.heic: convert them, or install pillow-heif",
            f"{start} 1 .txt file, such as cat/notes.txt: no image format",
            f"{start} 1 file without a suffix, such as cat/README: no image format",
        )


def test_many_kinds_share_a_line(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "0.png")
    for i in range(40):
        (tmp_path / "cat" / f"{i}.jpg?w={i}").write_bytes(b"")
    _, notes = scan(tmp_path)
    assert len(notes) == 6
    assert notes[-1] == f"{tmp_path}: skipped 35 other files, of 35 kinds"


def test_images_are_in_order_of_folder_and_name(tmp_path: Path) -> None:
    for name in ("b/0.png", "a.png", "b-c/0.png", "B.png", "b/a/0.png"):
        save(tmp_path / "cat" / name)
    expected = [
        os.path.relpath(path, tmp_path / "cat") for path, _ in ImageFolder(tmp_path).samples
    ]
    assert scan(tmp_path)[0] == {"cat": expected}


def test_links_do_not_multiply_images(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        save(tmp_path / name / "0.png")
    save(tmp_path / "cat" / "more" / "1.png")
    for i, target in enumerate(("..", ".", "more", "../dog", "../dog/../cat")):
        (tmp_path / "cat" / f"link{i}").symlink_to(target)
    (tmp_path / "cat" / "more" / "up").symlink_to("..")
    found, notes = scan(tmp_path)
    assert found == {"cat": ["0.png", "more/1.png"], "dog": ["0.png"]}
    (note,) = notes
    assert "skipped 6 links to folders" in note


def test_a_link_does_not_take_the_place_of_a_folder_below(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "z" / "deep" / "0.png")
    (tmp_path / "cat" / "a").mkdir()
    (tmp_path / "cat" / "a" / "link").symlink_to("../z/deep")
    assert scan(tmp_path)[0] == {"cat": ["z/deep/0.png"]}


def test_links_to_images_and_folders_elsewhere_are_followed(tmp_path: Path) -> None:
    save(tmp_path / "stock" / "a" / "0.png")
    photo = save(tmp_path / "stock" / "1.png")
    (tmp_path / "classes" / "cat").mkdir(parents=True)
    (tmp_path / "classes" / "cat" / "1.png").symlink_to(photo)
    (tmp_path / "classes" / "dog").symlink_to(tmp_path / "stock" / "a")
    assert scan(tmp_path / "classes") == ({"cat": ["1.png"], "dog": ["0.png"]}, ())


def test_two_classes_that_are_one_folder_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "0.png")
    (tmp_path / "dog").symlink_to("cat")
    with pytest.raises(DataError, match="'cat' and 'dog' are the same one"):
        scan(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="no such files on Windows")
def test_what_leads_to_no_file_is_told_and_never_opened(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "0.png")
    os.mkfifo(tmp_path / "cat" / "1.png")
    (tmp_path / "cat" / "2.png").symlink_to("nowhere.png")
    (tmp_path / "cat" / "3.png").symlink_to("3.png")
    found, notes = scan(tmp_path)
    assert found == {"cat": ["0.png"]}
    (note,) = notes
    assert "skipped 3 links or devices, such as cat/1.png" in note


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be a folder that can be read"):
        scan(tmp_path / "missing")
