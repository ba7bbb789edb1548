import torch
from torch import nn

from nas.runtimes.from_pixels import FromPixels
from nas.runtimes.placing import placed_images, placed_network


def test_float_images_get_the_dtype_and_pixels_stay_bytes() -> None:
    images = placed_images(torch.rand(2, 3, 4, 4), "cpu", torch.bfloat16)
    assert images.dtype == torch.bfloat16
    assert images.is_contiguous(memory_format=torch.channels_last)
    pixels = torch.zeros(2, 4, 4, 3, dtype=torch.uint8)
    assert placed_images(pixels, "cpu", torch.bfloat16) is pixels


def test_a_network_is_placed_as_a_copy_in_its_dtype() -> None:
    plain = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).eval()
    placed = placed_network(plain, torch.rand(1, 3, 8, 8), "cpu", torch.bfloat16)
    assert {parameter.dtype for parameter in placed.parameters()} == {torch.bfloat16}
    assert {parameter.dtype for parameter in plain.parameters()} == {torch.float32}
    weight = placed.get_parameter("0.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_normalisation_stays_in_float32() -> None:
    whole = FromPixels(nn.Conv2d(3, 8, 3).eval(), (0.5,) * 3, (0.2,) * 3)
    pixels = torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
    placed = placed_network(whole, pixels, "cpu", torch.bfloat16)
    assert placed.get_buffer("scale").dtype == torch.float32
    assert placed(pixels).dtype == torch.bfloat16
