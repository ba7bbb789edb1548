import json
from pathlib import Path

import pytest
from PIL import Image

from supernet.data import load_data
from supernet.data.lists import load_list
from supernet.data.sources import ImageSet
from supernet.errors import DataError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(12):
        path = tmp_path / "photos" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (10, 8), (number, 0, 0)).save(path)
    return tmp_path


def read(folder: Path, text: str, name: str = "labels.csv") -> ImageSet:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_list(path)


def content(images: ImageSet) -> list[tuple[str, str, int]]:
    """Name, class and red value of each image."""
    return [
        (name, images.classes[label], images.read(index).getpixel((0, 0))[0])  # type: ignore[index]
        for index, (name, label) in enumerate(
            zip(images.names, images.labels.tolist(), strict=True)
        )
    ]


EXPECTED = [("photos/3.png", "cat", 3), ("photos/1.png", "dog", 1), ("photos/2.png", "dog", 2)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "path,label\nphotos/1.png,dog\nphotos/2.png,dog\nphotos/3.png,cat\n"),
        ("a.csv", "\ufefffile name;class\r\nphotos/1.png;dog\r\nphotos/2.png;dog\r\n"
                  "photos/3.png;cat\r\n\r\n"),
        ("a.tsv", "id\timage\tcategory\n7\tphotos/1.png\tdog\n8\tphotos/2.png\tdog\n"
                  "9\tphotos/3.png\tcat"),
        ("a.csv", "photos/1.png,dog\nphotos/2.png,dog\n./photos/3.png,cat\n"
                  "photos/2.png,dog\n"),
        ("a.jsonl", '{"file_name": "photos/1.png", "label": "dog"}\n\n'
                    '{"file_name": "photos/2.png", "label": "dog", "more": [1]}\n'
                    '{"file_name": "photos\\\\3.png", "label": "cat"}\n'),
    ],
)  # fmt: skip
def test_lists_as_people_write_them_are_the_same(photos: Path, name: str, text: str) -> None:
    images = read(photos, text, name)
    assert content(images) == EXPECTED
    assert images.official == {"train": range(3)}
    assert not images.notes


def test_splits_are_taken_in_their_spellings(photos: Path) -> None:
    splits = ["train", "Training", "val", "valid", "TEST", "test"]
    rows = [
        {"path": str(photos / "photos" / f"{n}.png"), "label": 10 * (n % 2), "split": splits[n]}
        for n in range(6)
    ]
    images = read(photos, "\n".join(map(json.dumps, rows)), "a.ndjson")
    assert images.classes == ("0", "10")
    assert {split: len(part) for split, part in images.official.items()} == {
        "train": 2, "selection": 2, "report": 2
    }  # fmt: skip
    assert not images.may_halve
    only_val = [row for row in rows if row["split"] not in ("TEST", "test")]
    halved = read(photos, "\n".join(map(json.dumps, only_val)), "b.jsonl")
    assert set(halved.official) == {"train", "report"}
    assert halved.may_halve


def test_images_that_are_not_there_are_left_out_and_told(photos: Path) -> None:
    rows = [f"photos/{n}.png,{'ab'[n % 2]}" for n in (0, 1, 2, 3, 77)]
    images = read(photos, "\n".join(rows))
    assert len(images.names) == 4
    (note,) = images.notes
    assert "skipped 1 image, such as " in note
    assert "77.png: there is no such file" in note


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "", "two columns or more"),
        ("a.csv", "one\ntwo\n", "two columns or more"),
        ("a.csv", "name,age\nann,3\n", r"line 2 must have an image .* but has name, age"),
        ("a.csv", "path,label\nphotos/1.png,\n", "line 2 must have .* but has path"),
        ("a.csv", "path,label\nnone.png,cat\n", "lists none that are there"),
        ("a.csv", 'path,label\n"photos/1.png,cat\n', "line 2 must be CSV"),
        ("a.csv", "path,label,split\nphotos/1.png,cat,third\n", "but is 'third' in line 2"),
        (
            "a.csv",
            "photos/1.png,cat\nphotos/1.png,dog\n",
            "1.png' differs in lines 1 and 2",
        ),
        ("a.csv", "photos/1.png,cat,train\nphotos/2.png,dog,test\n", "'dog' in line 2 has none"),
        ("a.jsonl", "{]", "line 1 must be JSON"),
        ("a.jsonl", "[1]", "line 1 must be a JSON object"),
    ],
)
def test_what_cannot_be_understood_is_one_line(
    photos: Path, name: str, text: str, words: str
) -> None:
    with pytest.raises(DataError, match=words) as error:
        read(photos, text, name)
    assert "\n" not in str(error.value)


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("path,label\n\xe9.png,caf\xe9\n".encode("latin-1"))
    with pytest.raises(DataError, match="must be a text file in UTF-8"):
        load_list(tmp_path / "a.csv")


def test_a_list_is_data_that_moves_with_its_photos(photos: Path) -> None:
    (photos / "a.csv").write_text("".join(f"photos/{n}.png,{'ab'[n % 2]}\n" for n in range(12)))
    before = load_data(str(photos / "a.csv"), resolution=8)
    recorded = before.describe()
    photos.rename(photos.with_name("moved"))
    load_data(str(photos.with_name("moved") / "a.csv"), resolution=8).check_same(recorded)
