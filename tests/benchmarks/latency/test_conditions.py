from pathlib import Path

import numpy as np
import pytest

from benchmarks.latency.conditions import CANDIDATES, make_table
from nas.conditions.onnx_file import load
from planner import check_artifact, preprocess


@pytest.mark.slow
def test_the_table_has_artifacts_that_run(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    assert set(table.by_config_id) == set(CANDIDATES)
    entry = table.by_config_id["w0.35-r96"]
    photo = np.zeros((20, 30, 3), np.uint8)
    pixels = preprocess(table, [photo], entry.config.resolution)
    logits = load(check_artifact(entry, tmp_path), "onnxruntime", 1).logits(pixels)
    assert logits.shape == (1, len(table.supernet["class_names"]))
