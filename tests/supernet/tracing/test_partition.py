import torch

from supernet.tracing.partition import _classes


def test_labels_that_always_appear_together_are_one_class() -> None:
    vectors = [torch.tensor([1, 2, 3, 4, 5]), torch.tensor([1, 2]), torch.tensor([3, 3, 4])]
    classes = _classes(vectors, torch.arange(1, 6), 7).tolist()
    assert classes[0] == classes[6] == -1
    assert classes[1] == classes[2]
    assert len({classes[1], classes[3], classes[4], classes[5]}) == 4
