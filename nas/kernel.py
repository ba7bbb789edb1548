"""A fixed amount of work that tells whether something holds the machine up."""

import torch


class MatmulKernel:
    """One matrix product on the target's device, on as many threads as what is measured has.

    On more threads than that it would wait for a core that sleeps while one-threaded networks run,
    and take once or twice its time without any disturbance.
    """

    def __init__(self, device: str, num_threads: int) -> None:
        self._num_threads = num_threads
        self._matrix = torch.full((384, 384), 1 / 384, device=device)

    @torch.inference_mode()
    def run(self) -> None:
        """Returns when the product is done."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._num_threads)  # microseconds
        torch.mm(self._matrix, self._matrix)
        torch.set_num_threads(before)
        if self._matrix.is_cuda:
            torch.cuda.synchronize()
