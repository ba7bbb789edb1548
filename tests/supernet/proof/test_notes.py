"""Numbers and dtypes of what runs."""

import torch

from supernet.proof.notes import Notes


def test_numbers_of_elementwise_operations_and_all_dtypes_are_noted() -> None:
    x = torch.ones(2, 3)
    with Notes() as notes:
        ((x * 0.5).double() / 7).reshape(3, 2)
    assert notes.numbers == [0.5, 7]
    assert notes.dtypes == {torch.float32, torch.float64}
