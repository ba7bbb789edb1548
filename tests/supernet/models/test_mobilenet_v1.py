import torch

from supernet.models.mobilenet_v1 import MobileNetV1


def test_it_has_the_papers_parameters() -> None:
    num_params = sum(parameter.numel() for parameter in MobileNetV1().parameters())
    assert num_params == 4_231_976  # 4.2 M in the paper's table 4


def test_small_input_keeps_four_pixels_of_a_32_pixel_image() -> None:
    features = MobileNetV1(10, small_input=True).eval().features
    assert features(torch.zeros(1, 3, 32, 32)).shape[-2:] == (4, 4)
    assert MobileNetV1(10).eval().features(torch.zeros(1, 3, 32, 32)).shape[-2:] == (1, 1)


def test_width_mult_scales_all_channels() -> None:
    model = MobileNetV1(10, width_mult=0.5)
    assert model.classifier.in_features == 512
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
