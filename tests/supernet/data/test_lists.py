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
        ("a.csv", 'path, label\n"photos/1.png", "dog"\n"photos/2.png", "dog"\n'
                  'photos/3.png, "cat"\n'),
        ("a.tsv", "photos/a,b,c/../1.png\tdog\nphotos/2.png\tdog\nphotos/3.png\tcat\n"),
        ("a.csv", '\n"photos/a;b;c/../1.png",dog\nphotos/2.png,dog\nphotos/3.png,cat,\n'),
    ],
)  # fmt: skip
def test_lists_as_people_write_them_are_the_same(photos: Path, name: str, text: str) -> None:
    images = read(photos, text, name)
    assert content(images) == EXPECTED
    assert images.official == {"train": range(3)}
    assert all("not read: " in note for note in images.notes)


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


def test_columns_that_say_the_same_class_may_both_be_there(photos: Path) -> None:
    rows = ["photos/1.png,0,dog", "photos/2.png,0,dog", "photos/3.png,7,cat"]
    assert read(photos, "\n".join(["path,label,class", *rows])).classes == ("0", "7")


@pytest.mark.parametrize("name", ["dev", "Eval", "evaluation", "development"])
def test_dev_and_eval_are_for_validation(photos: Path, name: str) -> None:
    rows = [f"photos/{n}.png,{'ab'[n % 2]},{'train' if n < 8 else name}" for n in range(10)]
    images = read(photos, "\n".join(rows))
    assert images.official == {"train": range(8), "report": range(8, 10)}
    assert images.may_halve
    tested = [f"photos/{n}.png,{'ab'[n % 2]},test" for n in (10, 11)]
    assert read(photos, "\n".join([*rows, *tested])).official["selection"] == range(8, 10)


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
        ("a.csv", "name,age\nann,3\n", "line 1, the header, .* images .* names are name, age"),
        ("a.csv", "cat,photos/1.png\ncat,photos/2.png\n", "line 1, the header, .* images"),
        ("a.csv", "path,age\nann,3\n", "line 1, the header, .* of classes .* are path, age"),
        ("a.csv", "path,label\nphotos/1,2.png,cat\n", "line 2 must have 2 columns, but has 3"),
        ("a.csv", "x" * 200_000, "two columns or more"),
        (
            "a.jsonl",
            '{"path": "a.png", "label": ["a", "b"]}',
            r"line 1 .* 'label', not \['a', 'b'\]",
        ),
        ("a.jsonl", '{"image": {"path": "a.png"}, "label": 1}', "line 1 .* number as 'image', not"),
        ("a.jsonl", '{"path": "a.png", "label": NaN}', "line 1 .* 'label', not nan"),
        ("a.csv", "path,label\nphotos/1.png,\n", "line 2 must have .* but has path"),
        ("a.csv", "path,label\nnone.png,cat\n", "there, such as /.*/none.png in line 2"),
        ("a.csv", 'path,label\n"photos/1.png,cat\n', "line 2 must be CSV"),
        ("a.csv", "path,label,split\nphotos/1.png,cat,third\n", "but is 'third' in line 2"),
        (
            "a.csv",
            "photos/1.png,cat\nphotos/1.png,dog\n",
            "1.png' differs in lines 1 and 2",
        ),
        ("a.csv", "photos/1.png,cat,train\nphotos/2.png,dog,test\n", "'dog' in line 2 has none"),
        ("a.jsonl", "{]", "line 1 must be JSON"),
        (
            "a.csv",
            "path,class,label\nphotos/1.png,cat,1\nphotos/2.png,dog,1\n",
            "line 3 must have one class, but 'class' is 'dog' for .* '1', and was 'cat'",
        ),
        (
            "a.csv",
            "path,label,class\nphotos/1.png,cat,pet\nphotos/2.png,dog,pet\n",
            "line 3 must have one class, but 'class' is 'pet' for .* 'dog', and was 'pet'",
        ),
        (
            "a.jsonl",
            '{"path": "photos/1.png", "class": "cat", "label": 1}\n'
            '{"path": "photos/2.png", "class": "cat"}\n',
            "line 2 must have one class, but 'class' is 'cat' for the class 'cat', and was",
        ),
        (
            "a.csv",
            "photos/1.png,cat,train\nphotos/2.png,cat,val\nphotos/3.png,cat,eval\n",
            "must have one name, but some are 'val' and some 'eval'",
        ),
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
    photos.rename(photos.with_name(f"{photos.name}-moved"))
    load_data(str(photos.with_name(f"{photos.name}-moved") / "a.csv"), resolution=8).check_same(
        recorded
    )


def test_a_label_is_what_the_list_says_to_the_character(photos: Path) -> None:
    odd = "a\u2028b\x85c\x0bd"
    rows = [{"path": f"photos/{n}.png", "label": odd if n % 2 else 4.0} for n in range(4)]
    in_json = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    assert read(photos, in_json, "a.jsonl").classes == ("4", odd)
    in_csv = "".join(f"{row['path']},{'4' if row['label'] == 4.0 else odd}\n" for row in rows)
    assert read(photos, in_csv).classes == ("4", odd)


def test_an_image_is_one_however_its_path_is_written(photos: Path) -> None:
    absolute = photos / "photos" / "1.png"
    images = read(photos, f"photos/1.png,a\n{absolute},a\nphotos/2.png,b\n")
    assert images.names == ["photos/1.png", "photos/2.png"]
    with pytest.raises(DataError, match=r"1\.png' differs in lines 1 and 2"):
        read(photos, f"photos/1.png,a\n{absolute},b\n")


def test_unicode_forms_of_paths_and_labels_are_the_same(photos: Path) -> None:
    (photos / "photos" / "1.png").rename(photos / "photos" / "u\u0308.png")
    images = read(photos, "photos/\xfc.png,\xfc\nphotos/2.png,u\u0308\nphotos/3.png,a\n")
    assert images.classes == ("a", "\xfc")
    assert len(images.names) == 3
    assert all("not read: " in note for note in images.notes)


def test_a_folder_in_place_of_an_image_is_told_as_one(photos: Path) -> None:
    images = read(photos, "photos/1.png,a\nphotos/2.png,b\nphotos/,b\n", "a.csv")
    assert "it is a folder" in images.notes[0]


@pytest.mark.parametrize("beside", [True, False])
def test_a_list_of_absolute_paths_may_move(photos: Path, beside: bool) -> None:
    def listed(root: Path) -> str:
        lists = root if beside else root / "lists"
        lists.mkdir(exist_ok=True)
        path = lists / "a.csv"
        path.write_text("".join(f"{root}/photos/{n}.png,{'ab'[n % 2]}\n" for n in range(12)))
        return str(path)

    recorded = load_data(listed(photos), resolution=8).describe()
    moved = photos.rename(photos.with_name(f"{photos.name}-moved"))
    load_data(listed(moved), resolution=8).check_same(recorded)


def test_classes_that_look_alike_are_told(photos: Path) -> None:
    labels = ["Rose", "rose ", "01", "1"]
    text = "".join(f"photos/{n}.png,{labels[n % 4]}\n" for n in range(12))
    (photos / "a.csv").write_text(text)
    told: list[str] = []
    load_data(str(photos / "a.csv"), resolution=8, tell=told.append)
    (line,) = [line for line in told if "are two classes" in line]
    assert "'01' and '1' are two classes" in line
    assert "(and 1 more such pairs)" in line


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_columns_that_are_not_read_are_told(photos: Path, name: str) -> None:
    """Such as one that marks photographs for testing, which would be trained on in silence."""
    rows = [("photos/3.png", "cat", "False"), ("photos/1.png", "dog", "True")]
    if name.endswith("csv"):
        lines = ["path,label,is test", *map(",".join, rows)]
    else:
        lines = [
            json.dumps(dict(zip(("path", "label", "is test"), row, strict=True))) for row in rows
        ]
    images = read(photos, "\n".join(lines), name)
    assert list(images.official) == ["train"]
    (note,) = images.notes
    assert note.endswith("not read: is_test; a column 'split' can name train, val and test")


def test_a_list_with_splits_gets_no_advice_to_have_some(photos: Path) -> None:
    rows = ["path,label,split,id", "photos/3.png,cat,train,7", "photos/1.png,dog,train,8"]
    images = read(photos, "\n".join([*rows, "photos/2.png,dog,test,9"]))
    assert images.notes[0].endswith("not read: id")


def test_many_columns_that_are_not_read_are_counted(photos: Path) -> None:
    more = [f"column{i}" for i in range(9)]
    rows = [("path", "label", "", *more), ("photos/3.png", "cat", "0", *more)]
    (note,) = read(photos, "\n".join(map(",".join, rows))).notes
    assert "not read: 9 columns; " in note
