from itertools import combinations

import pytest

from app.palette import CHOSEN, DEVICES, GREY, ORIGINS, VERDICTS, device_style

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
BLINDNESS = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}


def linear(colour: str) -> list[float]:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def contrast(colour: str, background: str) -> float:
    """WCAG 2.1's contrast ratio, 1 to 21."""
    weights = (0.2126, 0.7152, 0.0722)
    bright = [
        sum(w * c for w, c in zip(weights, linear(one), strict=True)) + 0.05
        for one in (colour, background)
    ]
    return max(bright) / min(bright)


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_origins_and_devices_are_told_apart_by_the_colour_blind(blindness: str) -> None:
    def seen(colour: str) -> list[float]:
        rgb = linear(colour)
        return [sum(w * c for w, c in zip(row, rgb, strict=True)) for row in BLINDNESS[blindness]]

    colours = [colour for _, colour, _ in ORIGINS.values()]
    for group in (colours, DEVICES[:3], [CHOSEN, GREY]):
        for one, other in combinations(group, 2):
            apart = sum((a - b) ** 2 for a, b in zip(seen(one), seen(other), strict=True))
            assert apart**0.5 > 0.1, (one, other)


@pytest.mark.parametrize("background", ["#FFFFFF", "#181715"])
def test_colours_stand_out_from_both_pages(background: str) -> None:
    for colour in {*DEVICES, CHOSEN, GREY, *(colour for _, colour, _ in ORIGINS.values())}:
        assert contrast(colour, background) > 2


def test_shapes_differ_where_colours_do() -> None:
    assert len({symbol for _, _, symbol in ORIGINS.values()}) == len(ORIGINS)
    assert len({symbol for _, symbol in VERDICTS.values()}) == len(VERDICTS)
    assert len({device_style(index) for index in range(36)}) == 36
