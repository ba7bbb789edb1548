import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from benchmarks.planner.tiny_networks import write_network
from planner import DamagedTable, InvalidValue
from planner.onnx_model import OnnxModel


def test_it_runs_a_file(tmp_path: Path) -> None:
    write_network(tmp_path / "net.onnx", 8, 4)
    model = OnnxModel(tmp_path / "net.onnx", 1)
    assert model.run(np.ones((1, 3, 4, 4), np.float32)).shape == (1, 4)


@pytest.mark.parametrize(
    ("kind", "dtype"), [(TensorProto.UINT8, "uint8"), (TensorProto.FLOAT16, "float16")]
)
def test_it_warms_up_whatever_the_input_is(kind: int, dtype: str, tmp_path: Path) -> None:
    info = [helper.make_tensor_value_info(name, kind, ["n", 3]) for name in ("image", "copy")]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["image"], ["copy"])], "net", info[:1], info[1:]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, tmp_path / "net.onnx")
    batch = np.ones((2, 3), dtype)
    assert (OnnxModel(tmp_path / "net.onnx", 1).run(batch) == batch).all()


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"nothing")
    with pytest.raises(DamagedTable, match="must be a model that ONNX Runtime can load"):
        OnnxModel(tmp_path / "net.onnx", 1)


def test_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InvalidValue, match=r"pip install 'mutualnas\[runtime\]'"):
        OnnxModel(tmp_path / "net.onnx", 1)


@pytest.mark.parametrize(
    ("batch", "got"),
    [
        (np.ones((1, 4, 6, 3), np.float32), "float32 (1, 4, 6, 3)"),
        (np.ones((1, 3, 4, 6), np.uint8), "uint8 (1, 3, 4, 6)"),
        (np.ones((4, 6, 3), np.uint8), "uint8 (4, 6, 3)"),
        (torch.ones((1, 4, 6, 3)), "torch.float32 (1, 4, 6, 3)"),
        ([[1]], "a list"),
        (None, "a NoneType"),
    ],
)
def test_a_batch_of_another_kind_is_one_line(batch: Any, got: str, tmp_path: Path) -> None:
    infos = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, ["batch", 4, 6, 3])
        for name in ("pixels", "copy")
    ]
    node = helper.make_node("Identity", ["pixels"], ["copy"])
    graph = helper.make_graph([node], "net", infos[:1], infos[1:])
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "net.onnx")
    model = OnnxModel(tmp_path / "net.onnx", 1)
    with pytest.raises(InvalidValue) as refusal:
        model.run(batch)
    assert str(refusal.value) == (
        f"a batch must be uint8 (N, 4, 6, 3), but got {got}: planner.preprocess makes one of "
        "photos, whose pixels the artifact normalises itself"
    )
    assert model.run(np.ones((2, 4, 6, 3), np.uint8)).shape == (2, 4, 6, 3)
