"""The condition `end_to_end`: from the encoded photo to the class.

Decoding, cropping and resizing, the network, and the most probable class. For small networks most
of the time is the photo's.

Standard library only, because the kit packs this file.
"""

from nas.conditions.bench import Bench, Progress, UnderCondition
from nas.conditions.side_by_side import side_by_side


def end_to_end(bench: Bench, progress: Progress) -> UnderCondition:
    """Time the pipelines for `bench.max_s` seconds."""
    return UnderCondition({"end_to_end": side_by_side(bench.pipelines, bench, progress)}, {})
