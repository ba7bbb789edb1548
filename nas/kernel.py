"""A fixed amount of work that tells whether the machine itself has become slower."""

import math

import torch


class MatmulKernel:
    """One matrix product on the target's device, with as many threads as PyTorch has."""

    def __init__(self, device: str) -> None:
        self.usual_s = math.inf
        self._matrix = torch.full((384, 384), 1 / 384, device=device)

    @torch.inference_mode()
    def run(self) -> None:
        """Returns when the product is done."""
        torch.mm(self._matrix, self._matrix)
        if self._matrix.is_cuda:
            torch.cuda.synchronize()
