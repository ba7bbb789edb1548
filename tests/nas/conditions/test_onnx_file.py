import json
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.conditions.onnx_file import LOADERS, load, main, noise
from nas.runtimes.from_pixels import FromPixels


@pytest.mark.parametrize("runtime", LOADERS)
def test_every_runtime_gives_the_networks_outputs(
    runtime: str, network: FromPixels, artifact: Path
) -> None:
    loaded = load(artifact, runtime, 1)
    loaded.run()
    for seed in range(2):
        pixels = np.random.default_rng(seed).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
        with torch.inference_mode():
            expected = network(torch.from_numpy(pixels)).numpy()
        np.testing.assert_allclose(loaded.logits(pixels), expected, atol=1e-4)
    loaded.run()


def test_its_images_are_noise_of_the_inputs_kind() -> None:
    pixels = noise((2, 4, 4, 3), np.uint8)
    assert pixels.shape == (2, 4, 4, 3)
    assert pixels.max() > 200
    images = noise((1, 3, 4, 4), np.float32)
    assert images.dtype == np.float32
    assert images.min() < 0 < images.max()
    np.testing.assert_array_equal(noise((9,), np.uint8), noise((9,), np.uint8))


@pytest.mark.parametrize("runtime", LOADERS)
def test_the_script_tells_the_steps_apart(
    runtime: str, artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(runtime, str(artifact), "1")
    steps = json.loads(capsys.readouterr().out)
    assert list(steps) == ["import", "load", "prepare", "run"]
    assert all(seconds >= 0 for seconds in steps.values())
    assert steps["prepare"] > 0
