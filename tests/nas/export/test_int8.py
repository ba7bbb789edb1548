"""From a float table to int8 files that a product runs: measured, exported, packed, switched."""

import hashlib
import json
import zipfile
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
from nas.kit.__main__ import main as kit
from nas.measure.__main__ import main as measure
from nas.runtimes import load_runtime
from nas.search.__main__ import main as search
from planner import AdaptiveSession, LookupTable
from supernet.evaluate.accuracy import Images


@pytest.fixture(scope="module")
def release(run_with_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the int8 files; int8.json beside it is their table."""
    folder = tmp_path_factory.mktemp("int8")
    source, table = run_with_table / "search" / "lookup_table.json", folder / "int8.json"
    options = ["--dtype", "int8", "--num-threads", "1", "--max-s", "1", "--allow-noisy"]
    assert measure([str(source), *options, "--device", "cpu", "--out", str(table)]) == 0
    out = folder / "release"
    assert main([str(run_with_table), "--table", str(table), "--out", str(out)]) == 0
    return out


@pytest.mark.slow
def test_a_file_alone_is_right_for_as_many_images_as_its_table_says(
    release: Path, run_with_table: Path
) -> None:
    """And for the very images that the network was right for when it was scored."""
    table, trained = LookupTable.read(release / "lookup_table.json"), load_trained(run_with_table)
    images = Images(trained.data, torch.device("cpu"))
    runtime = load_runtime("onnxruntime", num_threads=1, dtype="int8")
    evaluator = Evaluator(trained.supernet, images, runtime, batch_size=1, seed=0)
    for entry in table:
        assert entry.artifact is not None
        session = onnxruntime.InferenceSession(release / entry.artifact.file)
        scored, num_correct = evaluator.compile(subnet_config(entry)), 0
        for pixels, labels in images.pixels("report", entry.config.resolution):
            single = [session.run(None, {"images": one[None].numpy()})[0] for one in pixels]
            got = np.concatenate(single).argmax(1)
            assert (got == scored.logits(pixels).argmax(1).numpy()).all()
            num_correct += int((got == labels.numpy()).sum())
        assert num_correct == round(5000 * entry.accuracy.top1)


def test_table_and_file_say_what_int8_costs(release: Path, run_with_table: Path) -> None:
    table, trained = LookupTable.read(release / "lookup_table.json"), load_trained(run_with_table)
    images = Images(trained.data, torch.device("cpu"))
    evaluator = Evaluator(
        trained.supernet, images, load_runtime(num_threads=1), batch_size=1, seed=0
    )
    for entry in table:
        assert entry.artifact is not None
        assert entry.artifact.agreement is not None
        assert 0.9 < entry.artifact.agreement < 1.0
        in_float = evaluator.report_accuracy(
            evaluator.compile(subnet_config(entry)), entry.config.resolution
        )
        lost = entry.accuracy.top1 - in_float.top1
        assert entry.artifact.top1_difference == pytest.approx(lost, abs=1e-9)
        session = onnxruntime.InferenceSession(release / entry.artifact.file)
        said = session.get_modelmeta().custom_metadata_map
        assert said["dtype"] == "int8"
        assert json.loads(said["agreement"]) == entry.artifact.agreement
        assert said["quantisation"] == table.target.details["quantisation"]
        assert said["calibration"].startswith("300 of the 2000 images of the split calibration")
        pixels = evaluator.calibration_images(entry.config.resolution).contiguous().numpy()
        assert said["calibration_sha256"] == hashlib.sha256(pixels.tobytes()).hexdigest()


def test_a_session_runs_it_unchanged(release: Path) -> None:
    table = LookupTable.read(release / "lookup_table.json")
    with AdaptiveSession(table, release, target_ms=1000) as session:
        logits = session.run(lambda side: np.full((1, side, side, 3), 200, dtype=np.uint8))
        assert logits.shape == (1, 10)
        assert np.isfinite(logits).all()
        assert session.entry == table.entries[-1]


def test_an_old_runtime_could_read_it(release: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its opset is that of the float file; nothing in it is unused."""
    for path in release.glob("*.onnx"):
        model = onnx.load(path)
        assert model.ir_version <= 8
        assert [(each.domain, each.version) for each in model.opset_import] == [("", 15)]
        read = {name for node in model.graph.node for name in node.input}
        assert {item.name for item in model.graph.initializer} <= read
        capfd.readouterr()
        onnxruntime.InferenceSession(path)
        assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_it_is_written_in_a_chosen_opset(
    release: Path, run_with_table: Path, tmp_path: Path
) -> None:
    arguments = ["--table", str(release / "lookup_table.json"), "--opset", "17"]
    assert main([str(run_with_table), *arguments, "--out", str(tmp_path)]) == 0
    assert {onnx.load(path).opset_import[0].version for path in tmp_path.glob("*.onnx")} == {17}


@pytest.mark.slow
def test_a_kit_measures_the_int8_files_and_says_so(
    release: Path, run_with_table: Path, tmp_path: Path
) -> None:
    table = release / "lookup_table.json"
    before = {path.name for path in run_with_table.rglob("*")}
    assert kit([str(run_with_table), "--table", str(table), "--out", str(tmp_path / "k.zip")]) == 0
    with zipfile.ZipFile(tmp_path / "k.zip") as packed:
        contents = json.loads(packed.read("kit.json"))
        for entry in LookupTable.read(table):
            assert entry.artifact is not None
            file = packed.read(f"models/{entry.config_id}.onnx")
            assert hashlib.sha256(file).hexdigest() == entry.artifact.sha256
    details = LookupTable.read(table).target.details
    assert contents["dtype"] == "int8"
    assert contents["details"]["quantisation"] == details["quantisation"]
    new = {path.name for path in run_with_table.rglob("*")} - before
    assert new >= {"lookup_table"}  # RUN/artifacts/lookup_table, beside the run's own


@pytest.mark.slow
def test_a_search_in_int8_is_exported_as_it_was_scored(own_run: Path, tmp_path: Path) -> None:
    arguments = ["--supernet", str(own_run), "--out", str(tmp_path), "--dtype", "int8"]
    options = ["--device", "cpu", "--num-threads", "1", "--trials", "3", "--allow-noisy"]
    assert search([*arguments, *options]) == 0
    assert main([str(tmp_path), "--supernet", str(own_run)]) == 0
    table = LookupTable.read(tmp_path / "artifacts" / "lookup_table.json")
    assert table.target.dtype == "int8"
    for entry in table:
        session = onnxruntime.InferenceSession(tmp_path / "artifacts" / f"{entry.config_id}.onnx")
        said = session.get_modelmeta().custom_metadata_map
        assert (said["dtype"], json.loads(said["top1"])) == ("int8", entry.accuracy.top1)


def test_a_table_that_says_more_than_its_files_do_is_refused(
    release: Path, run_with_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As if it had been searched on a machine whose runtime computes something else."""
    table = LookupTable.read(release / "lookup_table.json")
    better = tuple(each.with_values(top1=0.99, top1_high=1.0) for each in table)
    path = tmp_path / "better.json"
    replace(table, entries=better).write(path)
    capsys.readouterr()
    assert main([str(run_with_table), "--table", str(path), "--out", str(tmp_path / "out")]) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "must be as accurate as its table says, 99.00%, but is" in line
    assert not list((tmp_path / "out").iterdir())
