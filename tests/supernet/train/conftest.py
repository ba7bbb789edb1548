"""What the tests of training share."""

from dataclasses import replace

import pytest

from supernet.data import Data
from supernet.data.sources import load_embedded


@pytest.fixture(scope="module")
def data() -> Data:
    """A tenth of the embedded images: 1,000 to train on."""
    whole = load_embedded()
    official = {split: part[::10] for split, part in whole.official.items()}
    return Data(replace(whole, official=official), resolution=12, seed=0)
