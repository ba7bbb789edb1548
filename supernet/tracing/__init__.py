"""How channel labels travel through a network while it runs once on tensors without data."""

from supernet.tracing.call import BATCH_SIZE
from supernet.tracing.chance import same_chance
from supernet.tracing.labels import Labels
from supernet.tracing.partition import Group, Partition, divide
from supernet.tracing.paths import follow_paths
from supernet.tracing.replay import Failure, find_failure
from supernet.tracing.trace import Kept, Step, Trace

__all__ = [
    "BATCH_SIZE",
    "Failure",
    "Group",
    "Kept",
    "Labels",
    "Partition",
    "Step",
    "Trace",
    "divide",
    "find_failure",
    "follow_paths",
    "same_chance",
]
