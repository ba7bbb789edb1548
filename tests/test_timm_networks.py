"""Networks of timm from training to the artifact: ConvNeXt, ViT and others, no plain CNNs."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torchvision.datasets import FakeData

from nas.conversions import subnet_config
from nas.export import export
from nas.search import SearchJob, search
from supernet import Hyperparameters, SearchSpace, TrainingJob, data_from
from supernet.data.preprocess import normalise
from supernet.elastic.describe import elastic_share
from supernet.evaluate.accuracy import Images, calibrated_subnet
from supernet.train import train

NETWORKS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "convnext_tiny": ((64, 48), {}),
    "vit_small_patch16_224": ((64, 48), {"img_size": 64, "dynamic_img_size": True}),
    "mobilevit_xxs": ((64,), {}),
    "efficientformer_l1": ((224,), {}),
    "ghostnet_100": ((64, 48), {}),
}
"""For each network its resolutions, the highest first, and options."""


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_timm_is_trained_searched_and_exported(name: str, tmp_path: Path) -> None:
    pytest.importorskip("timm", reason="timm is not installed: uv pip install timm")
    resolutions, options = NETWORKS[name]
    size = (3, resolutions[0], resolutions[0])
    data = data_from(
        FakeData(100, size, num_classes=4),
        selection=FakeData(60, size, num_classes=4, random_offset=500),
        report=FakeData(60, size, num_classes=4, random_offset=600),
        resolution=resolutions[0],
    )
    job = TrainingJob(
        model=f"timm:{name}",
        model_options=options,
        space=SearchSpace(resolutions=resolutions),
        hyperparameters=Hyperparameters(batch_size=50, lr=0.01),
        epochs=1,
    )
    supernet = train(job, tmp_path, data=data)
    assert elastic_share(supernet.model, supernet.channels) > 0.9
    how = SearchJob(num_trials=8, num_threads=1, front_s=0.5, allow_noisy=True)
    table = export(search(supernet, data, how, out=tmp_path), supernet, data, tmp_path / "files")
    candidates = (tmp_path / "search" / "candidates.csv").read_text().splitlines()
    assert len(candidates) == 1 + 8
    assert len(table.entries) >= 1
    images = Images(data, torch.device("cpu"))
    for entry in table.entries:
        assert entry.artifact is not None
        session = onnxruntime.InferenceSession(str(tmp_path / "files" / entry.artifact.file))
        side = entry.config.resolution
        pixels = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
        (logits,) = session.run(None, {session.get_inputs()[0].name: pixels})
        network = calibrated_subnet(supernet, subnet_config(entry), images)
        expected = network(
            normalise(torch.from_numpy(pixels).permute(0, 3, 1, 2), data.mean, data.std)
        )
        np.testing.assert_allclose(logits, expected.detach().numpy(), rtol=1e-3, atol=1e-3)
        assert np.ptp(logits) > 0
        assert entry.artifact.max_abs_difference < 1e-3
