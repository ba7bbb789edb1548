"""preprocess: a batch of photos as the input of a table's artifacts; needs the extra `runtime`."""

from collections.abc import Iterable
from numbers import Integral
from pathlib import PurePath
from typing import TYPE_CHECKING

from planner.errors import InvalidValue, shown
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
    InvalidValue for what isn't a batch of photos, and for a table that doesn't say how, as those
    before version 1.1 don't.
    """
    steps = table.preprocessing
    if steps is None:
        raise InvalidValue(
            "the table must say how photos are prepared, but is from before version 1.1; "
            "search again and export with python -m nas.export"
        )
    if not isinstance(resolution, Integral) or resolution < 1:
        raise InvalidValue(f"`resolution` must be 1 or more, but got {shown(resolution)}")
    shape = getattr(photos, "shape", ())
    if len(shape) in (2, 3):  # its rows would pass for photos
        raise InvalidValue(f"`photos` must be several, such as [photo], but got pixels {shape}")
    if not isinstance(photos, Iterable) or isinstance(photos, str | bytes | PurePath):
        raise InvalidValue(f"`photos` must be several, such as [photo], but got {shown(photos)}")
    batch = [steps.pixels(photo, resolution) for photo in photos]
    if not batch:
        raise InvalidValue("`photos` must hold at least one photo, but is empty")
    import numpy

    return numpy.stack(batch)
