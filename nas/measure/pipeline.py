"""From an encoded photo to its class, as a product does it: what `end_to_end` times."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from nas.conditions.onnx_file import OnnxFile
from planner import Entry, LookupTable, class_probabilities, preprocess

SIZE = (1920, 1080)
QUALITY = 90
COARSE = (48, 27)
GRAIN = 6.0


class Pipeline:
    """Decodes a photo, prepares it as `planner.preprocess` does, runs the network, names the class.

    Args:
        table: says how photos are prepared; version 1.1 or later.
        entry: whose network it is.
        network: the entry's artifact, loaded.
        photo: an image file; a batch holds it as often as the table says.
    """

    def __init__(self, table: LookupTable, entry: Entry, network: OnnxFile, photo: Path) -> None:
        self._table, self._network = table, network
        self._photos = [photo] * table.target.batch_size
        self._resolution = entry.config.resolution

    def run(self) -> None:
        """Classify the batch; raises InvalidValue if the photo can't be read."""
        pixels = preprocess(self._table, self._photos, self._resolution)
        for logits in self._network.logits(pixels):
            class_probabilities(self._table.supernet["class_names"], logits)


@contextmanager
def photo_file(photo: Path | None) -> Iterator[Path]:
    """The user's photo or, within the block, a made-up JPEG file of 1920 x 1080 pixels.

    It has coarse shapes and some grain, so that decoding takes about as long as a photograph's.
    """
    if photo is not None:
        yield photo
        return
    generator = np.random.default_rng(0)
    shapes = Image.fromarray(generator.integers(0, 256, (*COARSE[::-1], 3), dtype=np.uint8))
    smooth = np.asarray(shapes.resize(SIZE, Image.Resampling.BICUBIC), dtype=np.float32)
    grainy = smooth + generator.normal(0.0, GRAIN, smooth.shape)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        Image.fromarray(grainy.clip(0, 255).astype(np.uint8)).save(path, quality=QUALITY)
        yield path


def photo_parameters(photo: Path) -> dict[str, str | int]:
    """What the table records of the photo: `photo`, its format and size, and `photo_bytes`."""
    with Image.open(photo) as image:
        described = f"{image.format} {image.width} x {image.height}"
    return {"photo": described, "photo_bytes": photo.stat().st_size}
