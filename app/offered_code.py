"""The Python code that the explorer offers: it runs as it stands, beside the table's files.

It needs the planner, ONNX Runtime and Pillow, but no PyTorch.
"""

from dataclasses import fields

from planner import Entry, Limits, LookupTable

INSTALL = "pip install 'mutualnas[runtime]'"
"""What the code needs."""

READ = """\
from pathlib import Path

{imports}

folder = Path(".")  # of the table and its artifacts
table = LookupTable.read(folder / "lookup_table.json")
"""
SELECT = """\
entry = select(table, {limits})
"""
NAMED = """\
entry = table.by_config_id["{config_id}"]
"""
CLASSIFY = """\
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = table.target.num_threads
network = onnxruntime.InferenceSession(
    check_artifact(entry, folder), options, providers=["CPUExecutionProvider"]
)


def classify(photo):
    pixels = preprocess(table, [photo] * table.target.batch_size, entry.config.resolution)
    (logits,) = network.run(None, {"images": pixels})
    return class_probabilities(table.supernet["class_names"], logits[0])


print(classify("photo.jpg")[:3])  # the three most probable classes of a photo of yours
"""
SWITCH = """\
session = AdaptiveSession(
    table, folder, target_ms={target_ms!r}, num_threads=table.target.num_threads
)
print(session.predict("photo.jpg")[:3])  # the three most probable classes of a photo of yours
"""
OTHER_RUNTIME = """
# The latencies were measured in {runtime}. In ONNX Runtime the classes are the same, but not the
# latencies: measure them with python -m nas.kit.
"""
UNKNOWN = """\
# To run it, export it: the table {lacks}.
"""


def to_classify(table: LookupTable, limits: Limits, picked: Entry | None = None) -> str:
    """Code that selects an entry and, if it can be run, classifies a photo.

    It selects the entry within `limits`, or the one that a user has picked.
    """
    selection = NAMED.format(config_id=picked.config_id) if picked else _selection(limits)
    selecting = [] if picked else ["Limits", "select"]
    if lacks := _lacks(table):
        names = ", ".join(sorted(["LookupTable", *selecting], key=_import_order))
        read = READ.format(imports=f"from planner import {names}")
        return read + selection + UNKNOWN.format(lacks=lacks)
    running = ["LookupTable", "check_artifact", "class_probabilities", "preprocess"]
    names = "".join(f"    {name},\n" for name in sorted([*running, *selecting], key=_import_order))
    imports = f"import onnxruntime\n\nfrom planner import (\n{names})"
    parts = [
        READ.format(imports=imports),
        selection,
        _warning(table),
        "\n",
        CLASSIFY,
    ]
    return "".join(parts)


def to_switch(table: LookupTable, limits: Limits) -> str | None:
    """Code that classifies photos within `limits.max_latency_ms` while the device's load changes.

    None if the table's entries can't be run or there is no such limit.
    """
    if _lacks(table) or limits.max_latency_ms is None:
        return None
    imports = "from planner import AdaptiveSession, LookupTable"
    parts = [
        READ.format(imports=imports),
        _warning(table),
        SWITCH.format(target_ms=limits.max_latency_ms),
    ]
    return "".join(parts)


def _lacks(table: LookupTable) -> str:
    """What the table would need so that its entries can be run; empty if it lacks nothing."""
    if table.preprocessing is None:
        return "doesn't say how photos are prepared"
    if all(entry.artifact is None for entry in table):
        return "names no artifacts"
    return ""


def _warning(table: LookupTable) -> str:
    if table.target.runtime == "onnxruntime":
        return ""
    return OTHER_RUNTIME.format(runtime=table.target.runtime)


def _import_order(name: str) -> tuple[bool, str]:
    """Classes before functions."""
    return name.islower(), name


def _selection(limits: Limits) -> str:
    return SELECT.format(limits=_call(limits))


def _call(limits: Limits) -> str:
    """The call that makes these limits, without what is the default anyway."""
    default = Limits()
    given = [
        f"{item.name}={getattr(limits, item.name)!r}"
        for item in fields(limits)
        if getattr(limits, item.name) != getattr(default, item.name)
    ]
    return f"Limits({', '.join(given)})"
