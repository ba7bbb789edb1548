"""From weights on disk to a network in a product: a width for each stage, all the way through."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from nas.export.__main__ import main as export
from nas.search.__main__ import main as search
from planner import LookupTable, read_candidates
from planner.__main__ import main as planner
from supernet import SubnetConfig, load_supernet
from supernet.models import build_model
from supernet.train.__main__ import main as train

MODEL = ["--model", "wide_resnet", "--model-args", "depth=10", "widen=1", "stem_stride=2"]


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
