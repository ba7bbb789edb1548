"""Opset and IR of an ONNX model: the lowest that it needs, since devices run old runtimes."""

import onnx
from onnx.version_converter import convert_version

from nas.errors import ExportError

EXPORTED = 18
"""The lowest opset that PyTorch's exporter writes itself."""
LOWEST = 13
"""ONNX Runtime 1.6 (2020) reads it; before it, several operators take other inputs."""
LARGE_BYTES = 1024


def lowered(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in the lowest opset from LOWEST on that has its operators, with that opset's IR.

    `model` is one of the exporter's, in opset EXPORTED; attributes that say the default are left
    out, for older operators may not have them. What it computes stays the same.
    """
    lowest = onnx.ModelProto()
    lowest.CopyFrom(model)
    _drop_defaults(lowest)
    for opset in reversed(range(LOWEST, EXPORTED)):
        try:
            lowest = _converted(lowest, opset)
        except (RuntimeError, onnx.checker.ValidationError):  # an operator is newer than that
            break
    lowest.ir_version = onnx.helper.find_min_ir_version_for(lowest.opset_import)
    return lowest


def in_opset(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """The model in another opset, with that opset's IR.

    `model` is in the lowest opset that it needs. Raises ExportError if it can't be written in
    `opset`.
    """
    lowest, newest = opset_of(model), onnx.defs.onnx_opset_version()
    if not lowest <= opset <= newest:
        raise ExportError(
            f"the opset must be from {lowest}, the lowest that this network needs, to {newest}, "
            f"but got {opset}"
        )
    if opset == lowest:
        return model
    try:
        converted = _converted(model, opset)
    except (RuntimeError, onnx.checker.ValidationError) as error:
        raise ExportError(
            f"the network must be convertible to opset {opset}, but got: "
            f"{' '.join(str(error).split())[:200]}; choose one nearer to {lowest}"
        ) from error
    converted.ir_version = onnx.helper.find_min_ir_version_for(converted.opset_import)
    return converted


def opset_of(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operators that a model uses."""
    (opset,) = (int(each.version) for each in model.opset_import if not each.domain)
    return opset


def _converted(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """ONNX's own conversion, without copying the weights; checks every node."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    values = {item.name: item for item in model.graph.initializer if item.ByteSize() > LARGE_BYTES}
    for item in bare.graph.initializer:
        if item.name in values:
            item.ClearField("raw_data")
    converted = convert_version(bare, opset)
    converted.graph.ClearField("value_info")  # it adds the shapes, which are those of one subnet
    context = onnx.checker.C.CheckerContext()
    context.ir_version, context.opset_imports = converted.ir_version, {"": opset}
    for node in converted.graph.node:
        onnx.checker.check_node(node, context)
    for item in converted.graph.initializer:
        if item.name in values:
            item.CopyFrom(values[item.name])
    return converted


def _drop_defaults(model: onnx.ModelProto) -> None:
    """Remove the attributes whose value is the operator's default; changes `model`."""
    opset = opset_of(model)
    for node in model.graph.node:
        known = onnx.defs.get_schema(node.op_type, opset, node.domain).attributes
        kept = [each for each in node.attribute if not _is_default(each, known.get(each.name))]
        del node.attribute[:]
        node.attribute.extend(kept)


def _is_default(given: onnx.AttributeProto, known: onnx.defs.OpSchema.Attribute | None) -> bool:
    if known is None or not known.default_value.name:
        return False
    value = onnx.helper.get_attribute_value
    return bool(value(given) == value(known.default_value))
