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
            weights = [labelling.axes_of(weight) for weight in _weights(module, "hh")]
            for axes in weights[1:]:
                for axis, first in zip(axes, weights[0], strict=True):
                    labelling.join(axis, first, "all layers have one hidden size")
            for axis in (axis for axes in weights if module.proj_size for axis in axes):
                labelling.keep(axis, "a projection must be smaller than the hidden size")


def set_recurrent_sizes(module: nn.RNNBase) -> None:
    """Set the sizes that `module` states to those of its weights."""
    for weight in _weights(module, "ih")[:1]:
        module.input_size = weight.shape[1]
    for weight in _weights(module, "hh")[:1]:
        module.hidden_size = module.hidden_size if module.proj_size else weight.shape[1]


def _weights(module: nn.RNNBase, kind: str) -> list[Tensor]:
    """Those of all layers and directions: `ih` of the input, `hh` of the hidden state.

    None that a parametrization computes.
    """
    named = module._parameters.items()
    return [w for name, w in named if w is not None and name.startswith(f"weight_{kind}_")]
