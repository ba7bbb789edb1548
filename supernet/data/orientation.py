"""Orientation: which way is up in a photo. Cameras store what the sensor saw."""

from PIL import ExifTags, Image, ImageOps


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 is upright, and where the EXIF data is damaged or has another."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # as decoders do, it raises nearly anything
        return 1
    return found if found in range(1, 9) else 1


def upright(image: Image.Image) -> Image.Image:
    """Turn a photo as its EXIF orientation says; `image` itself where there is nothing to turn."""
    image.load()  # TIFF and AVIF turn the pixels themselves
    try:
        return ImageOps.exif_transpose(image) if orientation_of(image) > 1 else image
    except Exception:  # as above
        return image
