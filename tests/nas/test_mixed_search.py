"""Number types as an axis of the search, down to files of both kinds on a device."""

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest

from nas.errors import NasError
from nas.evaluate.trained import load_trained
from nas.export import export
from nas.kit import make_kit
from nas.measure.__main__ import main as measure
from nas.search import SearchJob, search
from planner import AdaptiveSession, LookupTable, read_candidates

pytestmark = pytest.mark.slow  # quantising takes seconds

JOB = SearchJob(
    dtypes=("float32", "int8"), num_threads=1, num_trials=10, trial_s=0.05, front_s=0.5, steps_s=0,
    allow_noisy=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def searched(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run, searched in both number types: its scores are kept with it."""
    out = Path(shutil.copytree(tiny_run, tmp_path_factory.mktemp("typed") / "run"))
    trained = load_trained(out)
    search(trained.supernet, trained.data, JOB, out=out, trained_in=out)
    return out / "search"


@pytest.fixture(scope="module")
def table(searched: Path) -> LookupTable:
    """Its table, with an entry of each kind whatever was the faster one."""
    found = LookupTable.read(searched / "lookup_table.json")
    by_dtype = {each.config.dtype: each for each in read_candidates(searched / "candidates.csv")}
    kinds = {entry.config.dtype for entry in found}
    assert kinds <= by_dtype.keys() == {"float32", "int8"}
    missing = [
        replace(found.entries[0], **vars(by_dtype[dtype]), tied_with=())
        for dtype in by_dtype.keys() - kinds
    ]
    entries = sorted([*found, *missing], key=lambda e: (e.latency.p50_ms, e.accuracy.top1))
    return replace(found, entries=tuple(entries))


def test_candidates_are_configs_in_a_number_type(searched: Path, table: LookupTable) -> None:
    assert table.target.dtypes == ("float32", "int8")
    assert "quantisation" in table.target.details
    found = read_candidates(searched / "candidates.csv")
    assert len({each.config_id for each in found}) == len(found) == 10
    for each in found:
        assert each.config_id.endswith("-int8") == (each.config.dtype == "int8")
    corners = {"w1-r12", "w1-r12-int8", "w0.25-r8", "w0.25-r8-int8"}
    assert corners <= {each.config_id for each in found}
    assert table.provenance["steps"]["dtypes"] == ["float32", "int8"]


def test_a_search_goes_on_and_another_number_type_is_another_search(searched: Path) -> None:
    trained = load_trained(searched.parent)
    before = read_candidates(searched / "candidates.csv")
    longer = replace(JOB, num_trials=11)
    search(trained.supernet, trained.data, longer, out=searched.parent)
    after = read_candidates(searched / "candidates.csv")
    assert after[:10] == before
    assert len(after) == 11
    alone = replace(JOB, dtypes=("float32",))
    with pytest.raises(NasError, match="dtype"):
        search(trained.supernet, trained.data, alone, out=searched.parent)


def test_each_entry_has_a_file_of_its_kind(
    table: LookupTable, tiny_run: Path, tmp_path: Path
) -> None:
    trained = load_trained(tiny_run)
    exported = export(table, trained.supernet, trained.data, tmp_path)
    for entry in exported:
        assert entry.artifact is not None
        session = onnxruntime.InferenceSession(tmp_path / entry.artifact.file)
        said = session.get_modelmeta().custom_metadata_map
        assert said["dtype"] == entry.config.dtype == exported.dtype_of(entry)
        assert (entry.artifact.top1_difference == 0) or entry.config.dtype == "int8"
    with AdaptiveSession(exported, tmp_path, target_ms=1000) as session:
        assert session.entry == max(exported, key=lambda each: each.accuracy.top1)
    kit = tmp_path / "kit.zip"
    make_kit(exported, tmp_path, kit)
    with zipfile.ZipFile(kit) as files:
        content = json.loads(files.read("kit.json"))
    assert content["dtype"] == "float32+int8"
    assert content["details"]["quantisation"] == table.target.details["quantisation"]


def test_it_is_measured_elsewhere_in_the_same_number_types(
    table: LookupTable, tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "table.json", tmp_path / "openvino.json"
    table.write(path)
    words = [str(path), "--runtime", "openvino", "--num-threads", "1", "--max-s", "1"]
    words += ["--device", "cpu", "--supernet", str(tiny_run), "--allow-noisy", "--out", str(out)]
    assert measure(words) == 0
    found = LookupTable.read(out)
    assert found.target.dtype == "float32+int8"
    assert found.by_config_id.keys() == table.by_config_id.keys()
    capsys.readouterr()
    assert measure([*words, "--dtype", "int8"]) == 2
    said = capsys.readouterr().err
    assert "name their own number types, float32+int8, but got --dtype int8; leave it out" in said
