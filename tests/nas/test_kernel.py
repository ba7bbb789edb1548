import torch

from nas.kernel import MatmulKernel


def test_it_is_the_same_work_each_time_and_needs_no_input() -> None:
    kernel = MatmulKernel("cpu", 1)
    before = kernel._matrix.clone()
    kernel.run()
    assert kernel._matrix.equal(before)
    assert kernel._matrix.isfinite().all()


def test_it_leaves_the_threads_of_others_as_they_were() -> None:
    before = torch.get_num_threads()
    MatmulKernel("cpu", before + 1).run()
    assert torch.get_num_threads() == before
