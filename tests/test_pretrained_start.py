"""From weights on disk to a network in a product: a width for each stage, all the way through."""

import argparse
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.optim.swa_utils import AveragedModel

from nas.export.__main__ import main as export
from nas.search.__main__ import main as search
from planner import LookupTable, read_candidates
from planner.__main__ import main as planner
from supernet import SubnetConfig, load_supernet
from supernet.models import build_model
from supernet.train.__main__ import main as train

MODEL = [
    "--preset",
    "embedded",
    "--model",
    "wide_resnet",
    "--model-args",
    "depth=10",
    "widen=1",
    "stem_stride=2",
]


@pytest.mark.slow
def test_pretrained_weights_become_a_table_of_networks_with_a_width_for_each_stage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, weights, release = tmp_path / "run", tmp_path / "weights.safetensors", tmp_path / "release"
    torch.manual_seed(1)
    given = build_model("wide_resnet", 10, {"depth": 10, "widen": 1, "stem_stride": 2})
    save_file(given.state_dict(), weights)
    arguments = [*MODEL, "--resolutions", "12", "8", "--epochs", "1", "--batch-size", "500"]
    start = ["--weights", str(weights), "--sort-by-importance"]
    assert train([*arguments, *start, "--groups", "stage", "--out", str(run)]) == 0
    supernet, document = load_supernet(run)
    assert supernet.space.num_groups == 3
    assert document["job"]["weights"] == str(weights)

    # The uniform grid of so small a network has 13 configs: the others are the search's own.
    fast = ["--trials", "20", "--allow-noisy", "--num-threads", "1"]
    assert search([*fast, "--out", str(run)]) == 0
    candidates = read_candidates(run / "search" / "candidates.csv")
    by_origin = {
        origin: [c for c in candidates if c.origin == origin] for origin in ("grid", "search")
    }
    assert all(len(candidate.config.width_mults) == 1 for candidate in by_origin["grid"])
    assert by_origin["search"]
    for candidate in by_origin["search"]:
        assert len(candidate.config.width_mults) == 3
        config = SubnetConfig.from_id(candidate.config_id)
        extracted = supernet.extract(config)
        assert candidate.num_params == sum(p.numel() for p in extracted.parameters())

    assert export([str(run), "--out", str(release)]) == 0
    table = LookupTable.read(release / "lookup_table.json")
    assert all((release / entry.artifact.file).is_file() for entry in table if entry.artifact)
    capsys.readouterr()
    assert planner(["select", str(release / "lookup_table.json"), "--max-latency-ms", "1000"]) == 0
    chosen = json.loads(capsys.readouterr().out)
    assert chosen["config_id"] in {entry.config_id for entry in table}


@pytest.mark.parametrize("name", ["", "#model"])
def test_a_checkpoint_of_a_training_script_with_averages_starts_a_training(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As torchvision's reference scripts write them, compiled and averaged."""
    options = {"depth": 10, "widen": 1, "stem_stride": 2}
    network = build_model("wide_resnet", 7, options, seed=1)
    average = AveragedModel(network, use_buffers=True)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    network(torch.ones(2, 3, 8, 8)).square().sum().backward()
    optimizer.step()
    checkpoint = {
        "model": {f"_orig_mod.{key}": value for key, value in network.state_dict().items()},
        "model_ema": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": {"last_epoch": 1},
        "epoch": 1,
        "args": argparse.Namespace(lr=0.1, output_dir=tmp_path),
    }
    path, run = tmp_path / "model_1.pth", tmp_path / "run"
    torch.save(checkpoint, path)
    arguments = ["--resolutions", "12", "8", "--epochs", "1"]
    still = ["--batch-size", "1000", "--lr", "1e-9", "--weight-decay", "0", "--evaluate-every", "0"]
    start = ["--weights", f"{path}{name}", "--out", str(run)]
    assert train([*MODEL, *arguments, *still, *start]) == 0
    line = f"moving averages (EMA) from {path}: model_ema.module; not used: model._orig_mod (to"
    assert (line in capsys.readouterr().err) == (not name)
    supernet, document = load_supernet(run)
    assert document["job"]["weights"] == f"{path}{name}"
    expected = network if name else average.module
    for key, parameter in supernet.model.named_parameters():
        if not key.startswith("classifier"):
            torch.testing.assert_close(parameter, expected.get_parameter(key), rtol=1e-4, atol=1e-5)
