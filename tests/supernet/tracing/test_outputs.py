from collections import namedtuple
from dataclasses import dataclass

import torch
from torch import Tensor

from supernet.tracing.outputs import find_tensors, pick

Pair = namedtuple("Pair", ["first", "second"])


@dataclass
class Outputs:
    logits: Tensor
    features: list[Tensor]
    note: str = "x"


def test_tensors_are_found_in_whatever_holds_them_and_picked_from_there() -> None:
    tensors = [torch.full((2,), float(i)) for i in range(4)]
    output = {"a": Pair(tensors[0], None), "b": Outputs(tensors[1], tensors[2:])}
    found = find_tensors(output)
    places = [("a", 0), ("b", "logits"), ("b", "features", 0), ("b", "features", 1)]
    assert list(found) == places
    for place, tensor in zip(places, tensors, strict=True):
        assert found[place] is tensor
        assert pick(output, place) is tensor


def test_a_tensor_is_its_own_place() -> None:
    tensor = torch.zeros(2)
    assert list(find_tensors(tensor)) == [()]
    assert pick(tensor, ()) is tensor
    assert find_tensors(None) == {}
