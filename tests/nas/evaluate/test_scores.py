import json
import multiprocessing
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock

from nas.evaluate.scores import Score, Scores, number_type, score_key, scores_file
from supernet import SearchSpace, SubnetConfig, Supernet, data_from
from supernet.evaluate.accuracy import Images
from supernet.models import WideResNet

HALF = SubnetConfig(width_mults=(0.5,), resolution=12)
ALMOST_HALF = SubnetConfig(width_mults=(0.501,), resolution=12)
FULL = SubnetConfig(width_mults=(1.0,), resolution=12)
WEIGHTS = "0" * 64


class Photos(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """300 noisy images of three classes."""

    def __init__(self, seed: int = 0) -> None:
        self.images = torch.rand(300, 3, 16, 16, generator=torch.Generator().manual_seed(seed))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.images[index], index % 3


def images_of(seed: int = 0, **options: int) -> Images:
    data = data_from(Photos(seed), resolution=16)
    return Images(data, torch.device("cpu"), **options)


def make_supernet(divisor: int = 8) -> Supernet:
    space = SearchSpace(resolutions=(16, 12), groups="one", divisor=divisor)
    model = WideResNet(3, depth=10, widen=2)
    return Supernet(model, torch.empty(1, 3, 16, 16), space)


IMAGES, SUPERNET = images_of(), make_supernet()
N = IMAGES.data.num_images["selection"]


class Lines(list[str]):
    """What was told."""

    def opened(self, path: Path, weights: str = WEIGHTS, images: Images = IMAGES) -> Scores:
        return Scores(path, SUPERNET, weights, images, tell=self.append)


def score_of(seed: int, num_images: int = N) -> Score:
    """Made-up answers for the first images."""
    scored = np.arange(N) < num_images
    return Score(scored, scored & (np.random.default_rng(seed).random(N) < 0.5))


def same(one: Score, other: Score) -> bool:
    return bool((one.scored == other.scored).all() and (one.correct == other.correct).all())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return scores_file(tmp_path / "run")


def test_another_search_finds_what_one_has_scored(path: Path) -> None:
    told = Lines()
    first = told.opened(path)
    assert not first.of(HALF).scored.any()
    assert same(first.add(HALF, score_of(0)), score_of(0))
    second = told.opened(path)
    assert second.num_whole == 1
    assert same(second.of(HALF), score_of(0))
    assert same(second.of(ALMOST_HALF), score_of(0))
    assert not second.of(FULL).scored.any()
    assert told == []
    first.tell_known()
    assert told == [f"top-1 of 1 configs is known from {path}"]


def test_all_that_is_scored_as_a_whole_is_told_by_config(path: Path) -> None:
    first = Lines().opened(path)
    first.add(HALF, score_of(0))
    first.add(FULL, score_of(1, N // 2))
    expected = {HALF: float(score_of(0).correct.mean())}
    assert first.whole() == Lines().opened(path).whole() == expected


def test_searches_at_the_same_time_see_each_others_scores(path: Path) -> None:
    one, other = Lines().opened(path), Lines().opened(path)
    one.add(HALF, score_of(0))
    other.add(FULL, score_of(1))
    assert same(other.of(HALF), score_of(0))
    assert same(one.of(FULL), score_of(1))


def test_parts_add_up_and_the_first_answer_counts(path: Path) -> None:
    one, other = Lines().opened(path), Lines().opened(path)
    one.add(HALF, score_of(0, N // 2))
    assert not other.of(HALF).is_whole
    assert other.num_whole == 0
    merged = other.add(HALF, score_of(1))
    assert merged.is_whole
    assert same(merged, score_of(0, N // 2).merged(score_of(1)))
    assert (merged.correct[: N // 2] == score_of(0).correct[: N // 2]).all()
    assert same(one.of(HALF), merged)
    assert same(Lines().opened(path).of(HALF), merged)


def test_what_is_known_is_not_written_again(path: Path) -> None:
    scores = Lines().opened(path)
    for seed in (0, 1):
        assert same(scores.add(HALF, score_of(seed)), score_of(0))
    [line] = path.read_text().splitlines()
    values = json.loads(line)
    assert (values["config_id"], values["width_mults"]) == ("w0.5-r12", [0.5])


def test_nobody_waits_while_images_are_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir(parents=True)

    def key(*arguments: Any) -> dict[str, str]:
        with FileLock(f"{path}.lock", timeout=0):
            return score_key(*arguments)

    monkeypatch.setattr("nas.evaluate.scores.score_key", key)
    told = Lines()
    told.opened(path).add(HALF, score_of(0))
    assert told == []
    assert same(told.opened(path).of(HALF), score_of(0))


def test_scores_of_other_weights_or_images_do_not_count(path: Path) -> None:
    told = Lines()
    told.opened(path).add(HALF, score_of(0))
    assert told.opened(path, weights="1" * 64).num_whole == 0
    assert told.opened(path, images=images_of(seed=1)).num_whole == 0
    assert told.opened(path).num_whole == 1
    assert told == []


def test_the_key_tells_all_that_a_score_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    key = score_key(SUPERNET, WEIGHTS, IMAGES)
    assert key == score_key(make_supernet(), WEIGHTS, images_of())
    assert key["dtype"] == "float32"
    for images in (images_of(seed=1), images_of(batch_size=100)):
        assert score_key(SUPERNET, WEIGHTS, images)["images_sha256"] != key["images_sha256"]
    normalised = data_from(Photos(), resolution=16, normalisation="imagenet")
    other = score_key(SUPERNET, WEIGHTS, Images(normalised, torch.device("cpu")))
    assert other["images_sha256"] != key["images_sha256"]
    wider = Supernet(
        WideResNet(3, depth=10, widen=2),
        torch.empty(1, 3, 16, 16),
        SearchSpace(resolutions=(16, 12)),
    )
    assert score_key(wider, WEIGHTS, IMAGES)["groups_sha256"] != key["groups_sha256"]
    for allowed, name in ((True, "tf32"), (False, "float32")):
        monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", allowed)
        assert number_type(torch.device("cuda")) == name


@pytest.mark.parametrize(
    "damage",
    [
        "not json",
        "[]",
        "{}",
        '{"correct": "8:AA=="}',
        "\x00\xff",
    ],
)
def test_a_damaged_line_is_passed_over_and_told(path: Path, damage: str) -> None:
    Lines().opened(path).add(HALF, score_of(0))
    with path.open("a") as file:
        file.write(damage + "\n")
    Lines().opened(path).add(FULL, score_of(1))
    told = Lines()
    scores = told.opened(path)
    assert same(scores.of(HALF), score_of(0))
    assert same(scores.of(FULL), score_of(1))
    [line] = told
    assert line == f"{path}: 1 damaged line(s) passed over; what they held is scored anew"


@pytest.mark.parametrize(
    "change",
    [
        {"correct": "8:AA=="},
        {"correct": "?"},
        {"correct": None},
        {"scored": "8:AA=="},
        {"scored": 1},
        {"channels_and_resolution": "wide"},
        {"channels_and_resolution": None},
    ],
)
def test_a_line_with_a_wrong_value_is_damaged(path: Path, change: dict[str, object]) -> None:
    Lines().opened(path).add(HALF, score_of(0))
    path.write_text(json.dumps(json.loads(path.read_text()) | change) + "\n")
    told = Lines()
    assert told.opened(path).num_whole == 0
    assert len(told) == 1


def test_half_a_line_of_a_killed_process_does_not_spoil_the_next(path: Path) -> None:
    Lines().opened(path).add(HALF, score_of(0))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:200])
    told = Lines()
    scores = told.opened(path)
    assert scores.num_whole == 1  # half a line may be one that is just being written
    assert told == []
    scores.add(FULL, score_of(1))
    assert len(told) == 1
    assert same(Lines().opened(path).of(FULL), score_of(1))


def test_a_folder_that_cannot_be_written_is_told_once_and_its_scores_are_used(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Lines().opened(path).add(HALF, score_of(0))

    def refuse(self: object, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("nas.evaluate.scores.FileLock.acquire", refuse)
    told = Lines()
    scores = told.opened(path)
    assert same(scores.of(HALF), score_of(0))
    for seed in (1, 2):
        assert same(scores.add(FULL, score_of(seed)), score_of(1))
    assert same(scores.of(FULL), score_of(1))
    [line] = told
    assert line == (
        f"{path} cannot be written ([Errno 13] Permission denied), so new scores are not kept for "
        "other searches"
    )


def test_a_file_that_cannot_be_read_is_told_once_and_done_without(path: Path) -> None:
    path.mkdir(parents=True)
    told = Lines()
    scores = told.opened(path)
    assert not scores.of(HALF).scored.any()
    assert same(scores.add(HALF, score_of(0)), score_of(0))
    assert same(scores.of(HALF), score_of(0))
    [line] = told
    assert "cannot be read" in line


def append_forever(path: Path, name: str) -> None:
    for number in range(10_000):
        Lines().opened(path, weights=f"{name} {number}").add(HALF, score_of(number))


@pytest.mark.slow
def test_processes_that_are_killed_leave_a_file_that_the_next_reads(path: Path) -> None:
    Lines().opened(path).add(HALF, score_of(0))
    context = multiprocessing.get_context("fork")
    for turn in range(3):
        names = [f"{turn} {name}" for name in "ab"]
        processes = [context.Process(target=append_forever, args=(path, name)) for name in names]
        for process in processes:
            process.start()
        for process in processes:
            process.join(0.5)
            process.kill()
            process.join()
    told = Lines()
    scores = told.opened(path)
    assert same(scores.of(HALF), score_of(0))
    assert len(told) <= 1
    assert len(path.read_text().splitlines()) > 10
    assert same(scores.add(FULL, score_of(1)), Lines().opened(path).of(FULL))


def test_scores_survive_where_the_folder_is_copied(path: Path, tmp_path: Path) -> None:
    Lines().opened(path).add(HALF, score_of(0))
    shutil.copytree(path.parent, tmp_path / "elsewhere" / "supernet")
    assert Lines().opened(scores_file(tmp_path / "elsewhere")).num_whole == 1


def test_each_number_type_has_scores_of_its_own(path: Path) -> None:
    scores = Lines().opened(path)
    int8 = scores.in_dtype("int8 in some runtime")
    scores.add(HALF, score_of(0))
    assert not int8.of(HALF).scored.any()
    int8.add(HALF, score_of(1))
    assert same(Lines().opened(path).of(HALF), score_of(0))
    assert same(Lines().opened(path).in_dtype("int8 in some runtime").of(HALF), score_of(1))
