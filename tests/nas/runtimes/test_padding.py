import pytest
import torch

from nas.runtimes.padding import padded_batches


@pytest.mark.parametrize(("num", "size", "num_batches"), [(7, 3, 3), (6, 3, 2), (1, 4, 1)])
def test_batches_hold_all_images_in_order_and_are_of_one_size(
    num: int, size: int, num_batches: int
) -> None:
    images = torch.arange(num * 12.0).view(num, 3, 2, 2)
    batches = padded_batches(images, size)
    assert [len(batch) for batch in batches] == [size] * num_batches
    assert torch.cat(batches)[:num].equal(images)
