import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from supernet.data.orientation import orientation_of, upright

PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8))


def test_an_image_in_memory_is_not_changed() -> None:
    photo = PHOTO.rotate(90, expand=True)
    photo.getexif()[ExifTags.Base.Orientation] = 6
    assert upright(photo).size == (8, 6)
    assert photo.size == (6, 8)
    assert upright(PHOTO) is PHOTO


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_as_its_tag_says(orientation: int) -> None:
    photo = PHOTO.copy()
    photo.getexif()[ExifTags.Base.Orientation] = orientation
    assert orientation_of(photo) == orientation
    np.testing.assert_array_equal(upright(photo), ImageOps.exif_transpose(photo))


@pytest.mark.parametrize("wrong", [0, 9, "6", None])
def test_a_tag_that_says_nothing_is_passed_over(wrong: object) -> None:
    photo = PHOTO.copy()
    photo.getexif()[ExifTags.Base.Orientation] = wrong
    assert orientation_of(photo) == 1
    assert upright(photo) is photo
