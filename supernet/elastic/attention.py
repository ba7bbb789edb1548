"""nn.MultiheadAttention: what its code demands of its sizes, and those of a narrow one.

Its forward takes the size of a head from that of the queries (`embed_dim // num_heads`), and
refuses queries of another size than `embed_dim`. So queries and their projections have the same
channels. Whole heads are removed; where too few would be left, all lose the same features.
"""

from torch import Tensor, nn

from supernet.elastic.following import Attribute
from supernet.tracing import Labelling


def tie_heads(model: nn.Module, labelling: Labelling) -> dict[Attribute, dict[int, Tensor]]:
    """Unite the channels that each attention layer of `model` needs alike, before it is traced.

    Returns the attributes that count heads or features: for each such number, the labels of these.
    """
    counted: dict[Attribute, dict[int, Tensor]] = {}
    for path, module in model.named_modules():
        if not isinstance(module, nn.MultiheadAttention):
            continue
        queries, *others = projections(module)
        made, taken = labelling.axes_of(queries)
        if made is None or taken is None:
            continue
        labelling.unite(made.view(-1, len(taken)), taken)
        by_head = taken.view(module.num_heads, -1)
        num_heads, num_features = by_head.shape
        if labelling.heads.are_enough(num_heads, num_features):
            heads = labelling.tie_rows(by_head, dim=1)
            labelling.heads.note_heads(heads, num_features)
            counted[path, "num_heads"] = {num_heads: heads}
        else:
            counted[path, "head_dim"] = {num_features: labelling.tie_rows(by_head)}
        for axis in (labelling.axes_of(weight)[0] for weight in others):
            labelling.unite(made, taken if axis is None else axis)
    return counted


def set_attention_sizes(module: nn.MultiheadAttention) -> None:
    """Set the sizes that `module` states to those of its weights; heads and features follow."""
    queries, *others = projections(module)
    keys, values = others or [queries, queries]
    module.embed_dim, module.kdim, module.vdim = (w.shape[1] for w in (queries, keys, values))


def projections(module: nn.MultiheadAttention) -> list[Tensor]:
    """The weights that make queries, keys and values: one for all, or three."""
    if module.in_proj_weight is not None:
        return [module.in_proj_weight]
    return [module.q_proj_weight, module.k_proj_weight, module.v_proj_weight]
