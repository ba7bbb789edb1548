"""The code that is offered, pasted as it stands into a process that can't import PyTorch."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from app.offered_code import to_classify, to_switch
from nas.conversions import planner_accuracy, subnet_config
from nas.evaluate.evaluator import Evaluator
from nas.evaluate.trained import load_trained
from nas.export import export
from nas.runtimes import load_runtime
from planner import Entry, Limits, LookupTable
from supernet.data.sources import load_embedded
from supernet.evaluate.accuracy import Images

ROOT = Path(__file__).parents[3]
WITHOUT_TORCH = """
import sys
for name in ("torch", "torchvision", "onnx", "nas", "supernet", "app", "streamlit"):
    sys.modules[name] = None  # importing it fails
"""
# The pasted code, then as many photos as the table's accuracy is of.
PRODUCT = """
import json
from pathlib import Path
names = {"__name__": "__main__"}
exec(compile(Path(sys.argv[1]).read_text(), sys.argv[1], "exec"), names)
classify = names.get("classify") or names["session"].predict
files = sorted(Path("photos").glob("*/*.png"))
found = [classify(file)[0][0] for file in files]
entry = names.get("entry") or names["session"].entry
labels = [names["table"].supernet["class_names"][int(file.parent.name)] for file in files]
right = sum(map(str.__eq__, found, labels))
print(json.dumps({"config_id": entry.config_id, "num_photos": len(files), "num_correct": right}))
"""


@pytest.fixture(scope="module")
def release(run_with_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a product team gets: artifacts, their table, with true accuracies; and report photos."""
    folder = tmp_path_factory.mktemp("release")
    trained = load_trained(run_with_table)
    images = Images(trained.data, torch.device("cpu"))
    runtime = load_runtime("onnxruntime", num_threads=1)
    evaluator = Evaluator(trained.supernet, images, runtime, batch_size=1, seed=0)
    table = LookupTable.read(run_with_table / "search" / "lookup_table.json")
    entries = []
    for entry in table:
        compiled = evaluator.compile(subnet_config(entry))
        scored = evaluator.report_accuracy(compiled, entry.config.resolution)
        entries.append(replace(entry, accuracy=planner_accuracy(scored)))
    names = list(trained.data.classes)
    supernet = {**table.supernet, "class_names": names}
    table = replace(table, supernet=supernet, entries=tuple(entries))
    export(table, trained.supernet, trained.data, folder)
    photos = load_embedded()
    for index in photos.official["report"]:
        file = folder / "photos" / str(int(photos.labels[index])) / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        photos.read(index).save(file)
    photos.read(0).save(folder / "photo.jpg")
    return folder


def pasted(code: str, folder: Path) -> list[str]:
    """What a process without PyTorch prints, line by line."""
    (folder / "pasted.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_TORCH + PRODUCT, "pasted.py"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.mark.slow
def test_the_selected_entry_is_as_accurate_as_the_table_to_the_image(release: Path) -> None:
    table = LookupTable.read(release / "lookup_table.json")
    for entry in table:
        code = to_classify(table, Limits(max_latency_ms=entry.latency.p50_ms))
        agrees(pasted(code, release), table, entry)


@pytest.mark.slow
def test_so_is_what_a_session_runs(release: Path, tmp_path: Path) -> None:
    table = LookupTable.read(release / "lookup_table.json")
    shutil.copytree(release, tmp_path, dirs_exist_ok=True)
    for entry in table:  # alone, so that the load of this machine selects no other
        alone = replace(table, entries=(entry,))
        alone.write(tmp_path / "lookup_table.json")
        code = to_switch(alone, Limits(max_latency_ms=1000.0))
        assert code is not None
        agrees(pasted(code, tmp_path), table, entry)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["docs/run_time.md", "docs/lookup_table.md"])
def test_the_code_in_the_docs_runs_without_pytorch(name: str, release: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)
    assert blocks
    (release / "artifacts").mkdir(exist_ok=True)
    for path in (*release.glob("*.onnx"), release / "lookup_table.json"):
        shutil.copy(path, release / "artifacts")
    for block in blocks:  # each alone: a reader may paste any of them
        script = WITHOUT_TORCH + block
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=release,
            env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(release)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, block + done.stderr[-2000:]


def agrees(printed: list[str], table: LookupTable, entry: Entry) -> None:
    photo, summary = printed
    assert photo.startswith("[('")
    found = json.loads(summary)
    assert found["config_id"] == entry.config_id
    assert found["num_photos"] == table.splits["report"] == 5000
    assert found["num_correct"] == round(entry.accuracy.top1 * 5000)
    assert found["num_correct"] > 1500  # of ten classes
