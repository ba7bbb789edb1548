import torch

from supernet.job.hyperparameters import Hyperparameters
from supernet.train.mixing import mix


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.stack([torch.full((3, 8, 8), 10 * i, dtype=torch.uint8) for i in range(4)])
    return images, torch.arange(4)


def test_without_options_nothing_changes() -> None:
    images, labels = batch()
    mixed, targets = mix(images, labels, 4, Hyperparameters())
    assert mixed is images
    assert targets is labels


def test_mixup_mixes_pixels_and_labels_alike() -> None:
    torch.manual_seed(0)
    mixed, shares = mix(*batch(), 4, Hyperparameters(mixup=1.0))
    assert mixed.dtype == torch.uint8
    torch.testing.assert_close(shares.sum(1), torch.ones(4))
    levels = shares @ torch.tensor([0.0, 10.0, 20.0, 30.0])
    torch.testing.assert_close(mixed[:, 0, 0, 0].float(), levels, atol=0.51, rtol=0)


def test_cutmix_labels_are_shares_of_the_area() -> None:
    torch.manual_seed(1)
    mixed, shares = mix(*batch(), 4, Hyperparameters(cutmix=1.0))
    for image, of_image in zip(mixed, shares, strict=True):
        counted = torch.bincount(image[0].flatten().long() // 10, minlength=4) / 64
        torch.testing.assert_close(counted, of_image, atol=1e-6, rtol=0)
