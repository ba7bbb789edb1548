"""On real weights and images: a tiny trained run with a table of two entries."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from nas.conversions import subnet_config
from nas.evaluate.evaluator import Evaluator
from nas.evaluate.trained import load_trained
from nas.export.__main__ import main
from nas.runtimes import load_runtime
from planner import LookupTable, class_probabilities, preprocess
from supernet.data.sources import load_embedded
from supernet.evaluate.accuracy import Images


@pytest.fixture(scope="module")
def release(run_with_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    assert main([str(run_with_table), "--out", str(folder)]) == 0
    return folder


def test_a_photo_needs_only_to_be_decoded_and_resized(release: Path, run_with_table: Path) -> None:
    """Every fifth report image, as a product would read it: those are right that were scored so."""
    table, photos = LookupTable.read(release / "lookup_table.json"), load_embedded()
    trained = load_trained(run_with_table)
    images = Images(trained.data, torch.device("cpu"))
    runtime = load_runtime("onnxruntime", num_threads=1)
    evaluator = Evaluator(trained.supernet, images, runtime, batch_size=1, seed=0)
    names = trained.data.classes
    for entry in table:
        assert entry.artifact is not None
        session = onnxruntime.InferenceSession(release / entry.artifact.file)
        right = []
        for index in photos.official["report"][::5]:
            pixels = preprocess(table, [photos.read(index)], entry.config.resolution)
            (logits,) = session.run(None, {"images": pixels})
            (first, probability), *_ = class_probabilities(names, logits[0])
            right.append(first == names[int(photos.labels[index])])
            assert 0.1 <= probability <= 1
        scored = evaluator.correct(
            "report", evaluator.compile(subnet_config(entry)), entry.config.resolution
        )
        assert right == scored[::5].tolist()


def test_the_file_is_timed_as_it_is_shipped(release: Path, run_with_table: Path) -> None:
    """Node by node and weight by weight, the file is the model that a search compiles."""
    table, trained = LookupTable.read(release / "lookup_table.json"), load_trained(run_with_table)
    images = Images(trained.data, torch.device("cpu"))
    runtime = load_runtime("onnxruntime", num_threads=1)
    evaluator = Evaluator(trained.supernet, images, runtime, batch_size=1, seed=0)
    for entry in table:
        assert entry.artifact is not None
        shipped = onnx.load(release / entry.artifact.file)
        timed = evaluator.compile(subnet_config(entry)).model.self_contained()  # type: ignore[attr-defined]
        del shipped.metadata_props[:]
        assert shipped == timed


def test_nothing_in_it_is_unused(release: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """ONNX Runtime would warn on the console of whoever loads it."""
    for path in release.glob("*.onnx"):
        onnxruntime.InferenceSession(path)
        graph = onnx.load(path).graph
        read = {name for node in graph.node for name in node.input}
        assert {item.name for item in graph.initializer} <= read
    assert capfd.readouterr().err == ""


def test_it_takes_pixels_and_says_what_it_is(release: Path) -> None:
    table = LookupTable.read(release / "lookup_table.json")
    for entry in table:
        assert entry.artifact is not None
        session = onnxruntime.InferenceSession(release / entry.artifact.file)
        (pixels,), side = session.get_inputs(), entry.config.resolution
        assert (pixels.name, pixels.type) == ("images", "tensor(uint8)")
        assert pixels.shape == [1, side, side, 3]
        said = session.get_modelmeta().custom_metadata_map
        assert said["config_id"] == entry.config_id
        assert json.loads(said["class_names"]) == table.supernet["class_names"]
        assert json.loads(said["preprocessing"])["crop_resolution"] == 12


def test_an_old_runtime_could_read_it(release: Path, run_with_table: Path, tmp_path: Path) -> None:
    for path in release.glob("*.onnx"):
        model = onnx.load(path)
        assert model.ir_version <= 8
        assert [(each.domain, each.version) for each in model.opset_import] == [("", 15)]
    assert main([str(run_with_table), "--out", str(tmp_path), "--opset", "17"]) == 0
    for path in tmp_path.glob("*.onnx"):
        chosen = onnx.load(path)
        assert (chosen.ir_version, chosen.opset_import[0].version) == (8, 17)
        assert {each.key for each in chosen.metadata_props} >= {"class_names", "preprocessing"}
        pixels = np.full([d.dim_value for d in chosen.graph.input[0].type.tensor_type.shape.dim], 9)
        outputs = [
            onnxruntime.InferenceSession(one).run(None, {"images": pixels.astype(np.uint8)})[0]
            for one in (path, release / path.name)
        ]
        np.testing.assert_array_equal(*outputs)


def test_an_opset_that_is_too_low_is_refused(
    run_with_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(run_with_table), "--out", str(tmp_path), "--opset", "9"]
    assert main(arguments) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("error: the opset must be from 15, the lowest that this network needs")
    assert not list(tmp_path.iterdir())


def test_a_table_that_was_timed_without_normalisation_is_refused(
    run_with_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run_with_table / "search" / "lookup_table.json"
    before = path.read_text()
    values = json.loads(before)
    del values["supernet"]["preprocessing"]
    try:
        path.write_text(json.dumps(values))
        line = refused(capsys, [str(run_with_table), "--out", str(tmp_path / "out")])
    finally:
        path.write_text(before)
    assert "must be timed with the normalisation in the network" in line
    assert not (tmp_path / "out").exists()


def test_every_entry_gets_a_file_that_was_checked(run_with_table: Path, tmp_path: Path) -> None:
    folder = tmp_path / "release"
    assert main([str(run_with_table), "--out", str(folder)]) == 0
    table = LookupTable.read(folder / "lookup_table.json")
    assert len(table) == 2
    for entry in table:
        assert entry.artifact is not None
        content = (folder / entry.artifact.file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry.artifact.sha256
        assert entry.artifact.max_abs_difference < 1e-3
    before = LookupTable.read(run_with_table / "search" / "lookup_table.json")
    without = [replace(entry, artifact=None) for entry in table]
    assert without == list(before)


def refused(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    capsys.readouterr()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_the_table_of_another_supernet_is_refused(
    run_with_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run_with_table / "search" / "lookup_table.json"
    before = path.read_text()
    values = json.loads(before)
    values["supernet"]["weights_sha256"] = "0" * 64
    try:
        path.write_text(json.dumps(values))
        line = refused(capsys, [str(run_with_table), "--out", str(tmp_path / "out")])
    finally:
        path.write_text(before)
    assert "pass the run with the table's supernet as --supernet" in line
    assert not (tmp_path / "out").exists()


def test_a_run_that_was_not_searched_is_refused(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "lookup_table.json" in refused(capsys, [str(tiny_run), "--out", str(tmp_path / "out")])
