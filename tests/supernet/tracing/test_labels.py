import torch
from hypothesis import given
from hypothesis import strategies as st

from supernet.tracing.labels import KEPT, Labels

PAIRS = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30)


@given(PAIRS)
def test_sets_are_those_of_a_naive_union(pairs: list[tuple[int, int]]) -> None:
    labels = Labels()
    labels.fresh(19)
    naive = [{i} for i in range(20)]
    for one, other in pairs:
        joined = naive[one] | naive[other]
        for member in joined:
            naive[member] = joined
    if pairs:
        first, second = (torch.tensor(side) for side in zip(*pairs, strict=True))
        labels.unite(first, second)
    assert labels.roots(torch.arange(20)).tolist() == [min(group) for group in naive]


def test_tied_rows_are_one_and_kept_ones_have_the_root_of_the_kept() -> None:
    labels = Labels()
    table = labels.fresh(6).view(2, 3)
    assert labels.tie_rows(table).tolist() == [1, 2, 3]
    assert labels.roots(table).tolist() == [[1, 2, 3], [1, 2, 3]]
    labels.keep(table[0, :1])
    assert labels.roots(table[1]).tolist() == [KEPT, 2, 3]
