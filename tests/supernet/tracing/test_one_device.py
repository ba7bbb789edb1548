import torch

from supernet.tracing.one_device import OneDevice


def test_tensors_of_another_device_are_moved_to_meta() -> None:
    x = torch.empty(2, 3, device="meta")
    with OneDevice():  # type: ignore[no-untyped-call]
        assert (x + torch.ones(3)).is_meta
        assert not (torch.ones(3) + torch.ones(3)).is_meta


def test_random_numbers_can_be_looked_at() -> None:
    with OneDevice():  # type: ignore[no-untyped-call]
        assert 0 <= torch.rand(1, device="meta").item() < 1
        assert torch.rand_like(torch.empty(2, device="meta")).is_meta
