import torch
from torch import nn

from nas.runtimes.from_pixels import FromPixels
from nas.runtimes.placing import logits_of, placed_images, placed_network


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


def test_logits_of_any_number_of_images_come_in_batches() -> None:
    seen = list[int]()
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 5)).to(torch.bfloat16)
    network.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    images, timed = torch.rand(7, 3, 2, 2), torch.rand(1, 3, 2, 2).to(torch.bfloat16)
    logits = logits_of(network, images, timed, 3)
    assert seen == [3, 3, 1]
    assert (logits.dtype, logits.shape) == (torch.float32, (7, 5))
    torch.testing.assert_close(logits, network(images.to(torch.bfloat16)).float())
