"""From training to a product without PyTorch: train, search, export, run in a light environment."""

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from planner import LookupTable

ROOT = Path(__file__).parents[1]
TRAIN = [
    *("-m", "supernet.train", "--model", "wide_resnet"),
    *("--model-args", "depth=10", "widen=1", "stem_stride=2"),
    *("--resolutions", "12", "8", "--epochs", "1", "--batch-size", "500"),
]
MAX_SWITCH_MS = 1.0
SEARCH = ["-m", "nas.search", "--num-threads", "1", "--trials", "2", "--allow-noisy"]
PRODUCT = """
import importlib.util, json, sys, time
from pathlib import Path
import numpy as np
from planner import AdaptiveSession, LookupTable

assert importlib.util.find_spec("torch") is None
folder = Path(sys.argv[1])
table = LookupTable.read(folder / "lookup_table.json")
session = AdaptiveSession(table, folder, target_ms=1e6, memory=float(len(table)))
image = lambda side: np.full((1, side, side, 3), 100, np.uint8)
outputs, predicted, times = {}, {}, []
for entry in [*table, *table]:
    start = time.perf_counter()
    session.switch(entry.config_id)
    times.append((time.perf_counter() - start) * 1e3)
    session.wait()
    assert session.entry == entry
    outputs[entry.config_id] = session.run(image).tolist()
    session.wait()
    session.switch(entry.config_id)  # the batch has made the session select another
    grey = np.full((30, 40, 3), 100, np.uint8)
    predicted[entry.config_id] = session.predict(grey)[0][0]
    session.wait()
print(json.dumps({"outputs": outputs, "predicted": predicted, "switch_ms": sorted(times)}))
"""


def run(folder: Path, *command: str) -> str:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chain")
    for command in (TRAIN, SEARCH):
        run(ROOT, sys.executable, *command, "--out", str(folder / "run"))
    run(ROOT, sys.executable, "-m", "nas.export", str(folder / "run"), "--out", str(folder / "out"))
    return folder / "out"


@pytest.fixture(scope="module")
def product(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What PRODUCT prints in an environment of its own, installed without PyTorch."""
    tmp_path = tmp_path_factory.mktemp("product")
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    kept = shutil.ignore_patterns(".*", "runs", "build", "tests", "*.egg-info")
    source = shutil.copytree(ROOT, tmp_path / "source", ignore=kept)  # a build writes beside it
    run(tmp_path, python, "-m", "pip", "install", "--quiet", f"{source}[runtime]")

    printed: dict[str, Any] = json.loads(run(tmp_path, python, "-c", PRODUCT, str(exported)))
    return printed


@pytest.mark.slow
def test_what_export_writes_runs_without_torch(exported: Path, product: dict[str, Any]) -> None:
    table = LookupTable.read(exported / "lookup_table.json")
    assert product["outputs"].keys() == table.by_config_id.keys()
    for entry in table:
        assert entry.artifact is not None
        session = onnxruntime.InferenceSession(exported / entry.artifact.file)
        side = entry.config.resolution
        image = np.full((1, side, side, 3), 100, np.uint8)
        (expected,) = session.run(None, {session.get_inputs()[0].name: image})
        np.testing.assert_allclose(product["outputs"][entry.config_id], expected, atol=1e-4)
        most_probable = table.supernet["class_names"][expected[0].argmax()]
        assert product["predicted"][entry.config_id] == most_probable


@pytest.mark.slow
@pytest.mark.timing
def test_the_median_switch_takes_under_a_millisecond(product: dict[str, Any]) -> None:
    times_ms = product["switch_ms"]
    assert times_ms[len(times_ms) // 2] < MAX_SWITCH_MS
