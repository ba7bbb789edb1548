import torch

from supernet.tracing.call import Call

aten = torch.ops.aten


def test_arguments_are_found_by_name_wherever_they_are_given() -> None:
    x = torch.zeros(2, 3)
    assert Call(aten.cat.default, ([x, x], 1), {}, x).argument("dim") == 1
    assert Call(aten.cat.default, ([x, x],), {"dim": 1}, x).argument("dim") == 1
    assert Call(aten.cat.default, ([x, x],), {}, x).argument("dim") == 0
    assert Call(aten.cat.default, ([x, x],), {}, x).argument("start") is None


def test_tensors_are_found_in_lists() -> None:
    x, y = torch.zeros(2), torch.ones(2)
    call = Call(aten.cat.default, ([x, y],), {}, (x, None))
    assert [id(t) for t in call.inputs] == [id(x), id(y)]
    assert [id(t) for t in call.outputs] == [id(x)]
    assert call.operation == "aten.cat"
