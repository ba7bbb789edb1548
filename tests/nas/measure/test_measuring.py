from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from nas.conversions import subnet_config
from nas.errors import NasError
from nas.evaluate.evaluator import Evaluator
from nas.evaluate.trained import load_trained
from nas.measure.measuring import measure, table_of
from nas.runtimes import load_runtime
from nas.runtimes.from_pixels import INPUT_FORM
from planner import Artifact, LookupTable
from supernet.evaluate.accuracy import Images, accuracy


def test_target_protocol_and_latencies_are_the_devices_the_rest_stays(
    table: LookupTable, measurements: dict[str, Any]
) -> None:
    result = table_of(table, measurements)
    assert [entry.config_id for entry in result] == ["w1-r8", "w0.5-r8"]  # by the new latency
    assert result.target.device == "Cortex-A76"
    assert result.protocol["noise_floor"] == 0.02
    entry, before = result.by_config_id["w0.5-r8"], table.by_config_id["w0.5-r8"]
    assert entry.latency.p50_ms == 9.0
    assert entry.latency.p50_high_ms == pytest.approx(9.9)
    assert entry.tied_with == ("w1-r8",)
    assert (entry.accuracy.top1, entry.macs) == (before.accuracy.top1, before.macs)


def test_memory_and_energy_are_the_new_targets_or_unknown(
    table: LookupTable, measurements: dict[str, Any]
) -> None:
    known = [replace(e, peak_memory_bytes=5_000_000, energy_mj=7.0) for e in table]
    measurements["latencies"]["w1-r8"] |= {"peak_memory_bytes": 6_000_000, "energy_mj": 3.5}
    result = table_of(replace(table, entries=tuple(known)), measurements).by_config_id
    assert (result["w1-r8"].peak_memory_bytes, result["w1-r8"].energy_mj) == (6_000_000, 3.5)
    assert (result["w0.5-r8"].peak_memory_bytes, result["w0.5-r8"].energy_mj) == (None, None)


def test_measurements_of_another_supernet_are_refused(
    table: LookupTable, measurements: dict[str, Any]
) -> None:
    with pytest.raises(NasError, match="must be of the table's supernet"):
        table_of(table, measurements | {"weights_sha256": "1" * 64})


def test_measurements_in_another_dtype_are_refused(
    table: LookupTable, measurements: dict[str, Any]
) -> None:
    target = measurements["target"] | {"dtype": "bfloat16"}
    with pytest.raises(NasError, match=r"in the table's float32, .* but are in bfloat16; search"):
        table_of(table, measurements | {"target": target})


def test_measurements_that_lack_an_entry_are_refused(
    table: LookupTable, measurements: dict[str, Any]
) -> None:
    del measurements["latencies"]["w1-r8"]
    with pytest.raises(NasError, match="must hold every entry, but w1-r8 is missing"):
        table_of(table, measurements)


def test_measurements_without_normalisation_are_refused(
    table: LookupTable, measurements: dict[str, Any]
) -> None:
    del measurements["target"]["details"]["input"]
    with pytest.raises(NasError, match="must be of networks that normalise their images"):
        table_of(table, measurements)
    supernet = {key: table.supernet[key] for key in table.supernet if key != "preprocessing"}
    assert len(table_of(replace(table, supernet=supernet), measurements)) == 2  # as old as they are


def test_a_table_measured_again_says_how_photos_are_prepared(run_with_table: Path) -> None:
    found = LookupTable.read(run_with_table / "search" / "lookup_table.json")
    supernet = {key: found.supernet[key] for key in found.supernet if key != "preprocessing"}
    old, trained = replace(found, supernet=supernet), load_trained(run_with_table)
    runtime = load_runtime("eager", num_threads=1)
    new = measure(old, trained.supernet, trained.data, runtime, max_s=0.5, allow_noisy=True)
    assert old.preprocessing is None
    assert new.preprocessing == found.preprocessing
    assert new.target.details["input"] == INPUT_FORM


def test_in_another_dtype_accuracy_is_that_of_the_networks_that_are_timed(
    run_with_table: Path,
) -> None:
    found = LookupTable.read(run_with_table / "search" / "lookup_table.json")
    trained = load_trained(run_with_table)
    runtime = load_runtime("onnxruntime", num_threads=1, dtype="int8")
    artifact = Artifact(file="a.onnx", sha256="0" * 64, size_bytes=1, max_abs_difference=0.0)
    exported = replace(found, entries=tuple(replace(e, artifact=artifact) for e in found))
    new = measure(exported, trained.supernet, trained.data, runtime, max_s=0.5, allow_noisy=True)
    assert new.target.dtype == "int8"
    assert "7 bits per channel" in str(new.target.details["quantisation"])
    images = Images(trained.data, torch.device("cpu"))
    evaluator = Evaluator(trained.supernet, images, runtime, batch_size=1, seed=0)
    for entry in new:
        side = entry.config.resolution
        compiled = evaluator.compile(subnet_config(entry))
        scored = evaluator.report_accuracy(compiled, side)
        assert entry.accuracy.top1 == scored.top1
        assert (entry.accuracy.top1_low, entry.accuracy.top1_high) == scored.interval
        on_selection = accuracy(compiled.logits, images.pixels("selection", side))
        assert entry.top1_selection == on_selection.top1
        assert entry.artifact is None  # it was the float file
        assert entry.macs == found.by_config_id[entry.config_id].macs
