"""nn.RNN, nn.GRU, nn.LSTM: what their code demands of their sizes, and those of a narrow one.

All layers and directions have one hidden size, an attribute.
"""

from torch import Tensor, nn

from supernet.tracing import Labelling


def tie_hidden(model: nn.Module, labelling: Labelling) -> None:
    """Unite the hidden channels of each recurrent layer of `model`, before it is traced.

    With projections they stay: PyTorch fails where a projection is not smaller than what it is of.
    """
    for module in model.modules():
        if isinstance(module, nn.RNNBase):
            first, *others = [labelling.axes_of(weight) for weight in _weights(module, "hh")]
            for axes in others:
                for axis, like in zip(axes, first, strict=True):
                    labelling.join(axis, like, "all layers have one hidden size")
            for axis in first if module.proj_size else ():
                labelling.keep(axis, "a projection must be smaller than the hidden size")


def set_recurrent_sizes(module: nn.RNNBase) -> None:
    """Set the sizes that `module` states to those of its weights."""
    module.input_size = _weights(module, "ih")[0].shape[1]
    if not module.proj_size:
        module.hidden_size = _weights(module, "hh")[0].shape[1]


def _weights(module: nn.RNNBase, kind: str) -> list[Tensor]:
    """Those of all layers and directions: `ih` of the input, `hh` of the hidden state."""
    named = module._parameters.items()
    return [w for name, w in named if w is not None and name.startswith(f"weight_{kind}_")]
