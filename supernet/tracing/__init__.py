"""Channel labels, propagated through a network while it runs on tensors without data."""

from supernet.tracing.call import BATCH_SIZE
from supernet.tracing.code_sizes import Key, Pair, equal_sizes
from supernet.tracing.heads import Heads, Split
from supernet.tracing.labelling import Kept, Labelling
from supernet.tracing.labels import Labels
from supernet.tracing.one_device import OneDevice, run_on_one_device
from supernet.tracing.outputs import Output, find_tensors, pick
from supernet.tracing.partition import Group, Partition, divide
from supernet.tracing.paths import follow_paths
from supernet.tracing.replay import Failure, find_failure
from supernet.tracing.shapes import num_values
from supernet.tracing.trace import Trace, TracedOperation

__all__ = [
    "BATCH_SIZE",
    "Failure",
    "Group",
    "Heads",
    "Kept",
    "Key",
    "Labelling",
    "Labels",
    "OneDevice",
    "Output",
    "Pair",
    "Partition",
    "Split",
    "Trace",
    "TracedOperation",
    "divide",
    "equal_sizes",
    "find_failure",
    "find_tensors",
    "follow_paths",
    "num_values",
    "pick",
    "run_on_one_device",
]
