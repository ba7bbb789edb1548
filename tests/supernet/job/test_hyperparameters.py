import math
from typing import Any

import pytest

from supernet.errors import SupernetError
from supernet.job.hyperparameters import Hyperparameters


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schedule": "steps"}, "must be one of cosine, one_cycle"),
        ({"dtype": "float8"}, "must be one of float32"),
        ({"augment": "more"}, "must be one of auto"),
        ({"lr": 0.0}, "lr > 0"),
        ({"lr": math.inf}, "inf > lr > 0` must hold, but got inf$"),
        ({"lr": math.nan}, "lr > 0` must hold, but got nan$"),
        ({"body_lr": 0.0}, "inf > body_lr > 0` must hold, but got 0.0$"),
        ({"weight_decay": math.inf}, "inf > weight_decay >= 0"),
        ({"cutmix": math.inf}, "must hold, but got 0.0 and inf$"),
        ({"accumulate": 0}, "accumulate >= 1"),
        ({"ema_decay": 1.0}, "ema_decay < 1"),
        ({"clip_norm": 0.0}, "clip_norm > 0"),
        ({"patience": 0}, "patience >= 1"),
        ({"mixup": -0.1}, "mixup, cutmix >= 0"),
    ],
)
def test_a_field_out_of_range_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SupernetError, match=words):
        Hyperparameters(**changes)
