"""Parts of JPEG files against the plain version: Pillow decodes all, then crops and resizes."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import simplejpeg
import torch
from PIL import ExifTags, Image, ImageOps

from supernet.data.jpeg import Box, Pixels, is_jpeg, jpeg_square
from supernet.data.preprocess import resize


def photo(width: int, height: int, seed: int = 0) -> Image.Image:
    """Smooth colours with sharp edges."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    for _ in range(12):
        left, top = int(rng.integers(width)), int(rng.integers(height))
        colour = tuple(map(int, rng.integers(0, 256, 3)))
        image.paste(colour, (left, top, left + width // 6, top + height // 6))
    return image


def encoded(image: Image.Image, kind: str = "jpeg", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **{"quality": 95} | options)
    return file.getvalue()


def turned(image: Image.Image, orientation: int) -> bytes:
    """What a camera stores that was held in another way."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return encoded(STORED[orientation](image), exif=exif)


def square(content: bytes, box: Box, resolution: int) -> Pixels:
    with Image.open(io.BytesIO(content)) as image:
        assert is_jpeg(image)
        return jpeg_square(image, lambda *_: box, resolution)


def plain(content: bytes, box: tuple[int, int, int, int], resolution: int) -> Pixels:
    """The whole photo by Pillow; cropped, then resized with antialiasing."""
    with Image.open(io.BytesIO(content)) as image:
        part = np.array(ImageOps.exif_transpose(image).convert("RGB").crop(box))
    resized = resize(torch.from_numpy(part).permute(2, 0, 1)[None], resolution)
    pixels: Pixels = resized[0].permute(1, 2, 0).numpy()
    return pixels


def size_and_orientation(content: bytes) -> tuple[tuple[int, int], int]:
    """What `choose` is told of a file, and what Pillow says of it."""
    sizes = []

    def choose(width: int, height: int) -> Box:
        sizes.append((width, height))
        return 0, 0, width, height

    with Image.open(io.BytesIO(content)) as image:
        assert is_jpeg(image)
        jpeg_square(image, choose, 8)
        return sizes[0], image.getexif().get(ExifTags.Base.Orientation, 1)


def difference(one: Pixels, other: Pixels) -> float:
    """Mean, in grey levels."""
    return float(np.abs(one.astype(int) - other).mean())


def is_same(one: Pixels, other: Pixels) -> bool:
    """But for the rounding of CPUs with other instructions."""
    return bool(np.abs(one.astype(int) - other).max() <= 2)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": "4:2:0"}])
def test_what_is_not_scaled_has_the_pixels_of_pillow(options: dict[str, Any]) -> None:
    content = encoded(photo(160, 90), **options)
    for box in ((0, 0, 160, 90), (3, 5, 90, 71), (159, 89, 160, 90)):
        found = square(content, box, 72)
        assert found.shape == (72, 72, 3)
        assert found.dtype == np.uint8
        assert is_same(found, plain(content, box, 72))


@pytest.mark.parametrize("resolution", [16, 72, 100])
def test_cpus_without_vector_instructions_give_almost_the_same(
    resolution: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encoded(photo(160, 90))
    expected = square(content, (3, 5, 90, 71), resolution)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    found = square(content, (3, 5, 90, 71), resolution)
    assert is_same(found, expected)


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_what_is_scaled_has_the_means_of_pillow_s_pixels(scale: int, subsampling: str) -> None:
    content = encoded(photo(640, 480), subsampling=subsampling)
    with Image.open(io.BytesIO(content)) as image:
        means = encoded(image.reduce(scale), "png")
    for left, top, side in ((0, 0, 480), (96, 56, 336)):
        box = (left, top, left + side, top + side)
        found = square(content, box, int(side / scale / 1.3))
        left, top, right, bottom = (edge // scale for edge in box)
        expected = plain(means, (left, top, right, bottom), int(side / scale / 1.3))
        assert difference(found, expected) < 1


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of what simplejpeg decodes."""
    shapes = []
    decode = simplejpeg.decode_jpeg

    def noting(*args: Any, **options: Any) -> Pixels:
        pixels: Pixels = decode(*args, **options)
        shapes.append(pixels.shape)
        return pixels

    monkeypatch.setattr(simplejpeg, "decode_jpeg", noting)
    return shapes


@pytest.mark.parametrize(
    ("side", "scale"), [(49, 1), (50, 2), (99, 2), (100, 4), (199, 4), (200, 8), (400, 8)]
)
def test_a_photo_is_decoded_no_larger_than_needed(
    side: int, scale: int, decoded: list[tuple[int, ...]]
) -> None:
    square(encoded(photo(501, 403)), (0, 0, side + 50, side), 20)
    assert decoded == [(-(-403 // scale), -(-501 // scale), 3)]


@pytest.mark.parametrize("resolution", [300, 192, 150, 96, 90])
def test_stripes_too_fine_for_the_result_alias_no_more_than_by_pillow(resolution: int) -> None:
    ours, by_pillow = [], []
    columns = np.arange(480)
    for frequency in np.linspace(1.15 * resolution / 480 / 2, 0.5, 25):
        wave = 127.5 + 120 * np.sin(2 * np.pi * frequency * columns)
        stripes = Image.fromarray(np.tile(wave.round().astype(np.uint8), (480, 1)))
        content = encoded(stripes, quality=100)
        ours.append(square(content, (0, 0, 480, 480), resolution).std())
        resized = stripes.resize((resolution, resolution), Image.Resampling.BILINEAR)
        by_pillow.append(np.asarray(resized).std())
    assert max(ours) < max(by_pillow) + 2


STORED: dict[int, Callable[[Image.Image], Image.Image]] = {
    1: lambda image: image,
    2: ImageOps.mirror,
    3: lambda image: image.rotate(180),
    4: ImageOps.flip,
    5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
    6: lambda image: image.transpose(Image.Transpose.ROTATE_90),
    7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
    8: lambda image: image.transpose(Image.Transpose.ROTATE_270),
}
"""What a camera stores for each EXIF orientation."""


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("resolution", [30, 90])
def test_parts_are_of_the_upright_photo(orientation: int, resolution: int) -> None:
    upright = photo(320, 203)
    content = turned(upright, orientation)
    assert size_and_orientation(content) == ((320, 203), orientation)
    for box in ((0, 0, 320, 203), (11, 100, 163, 203)):
        found = square(content, box, resolution)
        assert difference(found, plain(content, box, resolution)) < 4
        assert difference(found, plain(encoded(upright), box, resolution)) < 5


def test_an_orientation_in_xmp_counts_as_for_pillow() -> None:
    content = encoded(photo(60, 40), xmp=b'<rdf:Description tiff:Orientation="6"/>')
    assert size_and_orientation(content) == ((40, 60), 6)


@pytest.mark.parametrize("exif", [b"Exif\0\0no exif", b"Exif\0\0MM\0*\xff\xff", b"Exif"])
def test_damaged_exif_data_is_passed_over(exif: bytes) -> None:
    content = encoded(photo(60, 40), exif=exif)
    assert is_same(square(content, (0, 0, 60, 40), 40), plain(content, (0, 0, 60, 40), 40))


@pytest.mark.parametrize("kind", ["png", "webp", "gif", "bmp", "tiff"])
def test_other_formats_are_left_to_pillow(kind: str) -> None:
    with Image.open(io.BytesIO(encoded(photo(60, 40), kind))) as image:
        assert not is_jpeg(image)
    assert not is_jpeg(photo(60, 40))


def test_four_colours_are_left_to_pillow() -> None:
    with Image.open(io.BytesIO(encoded(photo(60, 40).convert("CMYK")))) as image:
        assert not is_jpeg(image)


def test_what_is_decoded_or_scaled_already_is_left_to_pillow() -> None:
    content = io.BytesIO(encoded(photo(60, 40)))
    loaded, scaled = Image.open(content), Image.open(content)
    loaded.load()
    scaled.draft(None, (30, 20))
    assert scaled.size == (30, 20)
    assert not is_jpeg(loaded)
    assert not is_jpeg(scaled)


def test_the_first_of_several_photos_in_a_file_is_taken() -> None:
    more = [photo(60, 40, seed) for seed in (1, 2)]
    content = encoded(photo(60, 40), "mpo", save_all=True, append_images=more)
    found = square(content, (0, 0, 60, 40), 40)
    assert is_same(found, plain(encoded(photo(60, 40)), (0, 0, 60, 40), 40))


def test_pillow_can_still_load_it() -> None:
    content = io.BytesIO(encoded(photo(60, 40)))
    image, untouched = Image.open(content), Image.open(io.BytesIO(content.getvalue()))
    assert is_jpeg(image)
    jpeg_square(image, lambda *size: (0, 0, *size), 20)
    assert image.tobytes() == untouched.tobytes()


def test_grey_photos_have_three_channels() -> None:
    content = encoded(photo(60, 40).convert("L"))
    assert is_same(square(content, (0, 0, 60, 40), 40), plain(content, (0, 0, 60, 40), 40))


def test_what_is_damaged_raises() -> None:
    content = encoded(photo(160, 90))
    for damaged in (content[:-2], content[: len(content) // 2], content[:-300]):
        with pytest.raises(ValueError, match=r"\w"):
            square(damaged, (0, 0, 160, 90), 20)
