import torch

from nas.health.checkup import _falls, _sufficient


def test_a_fall_is_found_and_weighed() -> None:
    small = torch.ones(1000, dtype=torch.bool)
    worse, slightly = small.clone(), small.clone()
    worse[:20] = False
    slightly[:2] = False
    (fall,) = _falls([small, worse], ["w0.5-r8", "w1-r8"])
    assert fall == {
        "smaller": "w0.5-r8", "larger": "w1-r8", "top1_lost": 0.02, "significant": True
    }  # fmt: skip
    assert [f["significant"] for f in _falls([small, slightly], ["a", "b"])] == [False]
    assert not list(_falls([slightly, small], ["a", "b"]))


def test_the_fewest_images_that_suffice() -> None:
    flat = {50: 0.9, 100: 0.9, 200: 0.9}
    assert _sufficient({"a": {50: 0.5, 100: 0.899, 200: 0.9}, "b": flat}) == 100
    assert _sufficient({"a": {50: 0.9, 100: 0.8, 200: 0.9}}) == 200
