import torch
import torchvision

from supernet.models.mobilenet_v2 import mobilenet_v2


def test_it_is_torchvisions_network() -> None:
    torch.manual_seed(0)
    ours = mobilenet_v2(10).eval()
    theirs = torchvision.models.mobilenet_v2(num_classes=10).eval()
    theirs.load_state_dict(ours.state_dict())
    image = torch.randn(1, 3, 64, 64)
    assert torch.equal(ours(image), theirs(image))


def test_small_input_keeps_four_pixels_of_a_32_pixel_image() -> None:
    features = mobilenet_v2(10, small_input=True).eval().features
    assert isinstance(features, torch.nn.Module)
    assert features(torch.zeros(1, 3, 32, 32)).shape[-2:] == (4, 4)
