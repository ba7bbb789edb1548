"""nn.MultiheadAttention: what its code demands of its sizes, and those of a narrow one.

Its forward takes the size of a head from that of the queries (`embed_dim // num_heads`), and
refuses queries of another size than `embed_dim`. So queries and their projections have the same
channels, of which each head has as many: all heads lose the same features, and their number stays.
"""

from torch import Tensor, nn

from supernet.tracing import Labelling


def tie_heads(model: nn.Module, labelling: Labelling) -> None:
    """Unite the channels that each attention layer of `model` needs alike, before it is traced."""
    for module in model.modules():
        if isinstance(module, nn.MultiheadAttention):
            queries, *others = projections(module)
            made, taken = labelling.axes_of(queries)
            if made is not None and taken is not None:
                labelling.unite(made.view(-1, len(taken)), taken)
                labelling.tie_rows(taken.view(module.num_heads, -1))
                for axis in (labelling.axes_of(weight)[0] for weight in others):
                    labelling.unite(made, taken if axis is None else axis)


def set_attention_sizes(module: nn.MultiheadAttention) -> None:
    """Set the sizes that `module` states to those of its weights."""
    queries, *others = projections(module)
    keys, values = others or [queries, queries]
    module.embed_dim, module.kdim, module.vdim = (w.shape[1] for w in (queries, keys, values))
    module.head_dim = module.embed_dim // module.num_heads


def projections(module: nn.MultiheadAttention) -> list[Tensor]:
    """The weights that make queries, keys and values: one for all, or three."""
    if module.in_proj_weight is not None:
        return [module.in_proj_weight]
    return [module.q_proj_weight, module.k_proj_weight, module.v_proj_weight]
