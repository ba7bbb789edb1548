"""preprocess: a batch of photos as the input of a table's artifacts; needs the extra `runtime`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from planner.errors import InvalidValue
from planner.preprocessing import Photo
from planner.table import LookupTable

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


def preprocess(
    table: LookupTable, photos: Iterable[Photo], resolution: int
) -> "NDArray[numpy.uint8]":
    """Return a batch for the artifact of an entry: uint8 (N, resolution, resolution, 3).

    `resolution` is the entry's. An artifact takes exactly `table.target.batch_size` photos. Raises
    InvalidValue for a table that doesn't say how, as those before version 1.1 don't.
    """
    steps = table.preprocessing
    if steps is None:
        raise InvalidValue(
            "the table must say how photos are prepared, but is from before version 1.1; "
            "search again and export with python -m nas.export"
        )
    batch = [steps.pixels(photo, resolution) for photo in photos]
    if not batch:
        raise InvalidValue("`photos` must hold at least one photo, but is empty")
    import numpy

    return numpy.stack(batch)
