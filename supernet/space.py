"""SubnetConfig names one subnet, SearchSpace bounds them all; imports no torch."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from supernet.errors import SpaceError

GROUPS = ("one", "stage", "layer")
"""What has a width of its own; see `SearchSpace.groups`."""

WIDTH_STEPS = (0.05, 0.02, 0.01)
"""Distances of width multipliers in a space, the coarsest first."""
MIN_WIDTHS = 10
"""Widths below 1 that a range should have."""


def round_channels(num_channels: int, width_mult: float, divisor: int = 8) -> int:
    """How many of `num_channels` a `width_mult` keeps: a multiple of `divisor`, as in MobileNet.

    Rounded to the nearest multiple, or up where that would lose more than a tenth (MobileNetV2,
    Sandler et al. 2018, reference implementation). At least `divisor`, at most `num_channels`, and
    exactly `num_channels` at 1.0, even where `divisor` does not divide it.
    """
    if width_mult == 1.0:
        return num_channels
    exact = num_channels * width_mult
    rounded = max(divisor, int(exact + divisor / 2) // divisor * divisor)
    if rounded < 0.9 * exact:
        rounded += divisor
    return min(rounded, num_channels)


def channel_multiple(num_channels: int, unit: int, divisor: int) -> int:
    """By how many of `num_channels` a width changes, where `unit` of them stay or go together.

    The least multiple of both `unit` and `divisor`. Where no such number is below `num_channels`,
    of `unit` and the largest half, quarter ... of `divisor` of which there are at least two, so
    that narrow layers have another width as well.
    """
    step = math.lcm(unit, divisor)
    if step < num_channels:
        return step
    while divisor > 1 and 2 * step > num_channels:
        divisor //= 2
        step = math.lcm(unit, divisor)
    return step


def kept_units(num_channels: int, unit: int, width_mult: float, divisor: int) -> int:
    """How many units of channels that stay or go together a width keeps, see `channel_multiple`."""
    step = channel_multiple(num_channels, unit, divisor)
    return round_channels(num_channels, width_mult, step) // unit


@dataclass(frozen=True, kw_only=True)
class SubnetConfig:
    """One subnet: a width multiplier for each channel group (or one for all) and a resolution."""

    width_mults: tuple[float, ...]
    """Fraction of each group's channels, in (0, 1]; a single width applies to all groups. Widths
    that are all equal are stored as one, so that a config has a single name."""
    resolution: int
    """Input side in pixels."""

    def __post_init__(self) -> None:
        """Raise SpaceError unless widths are in (0, 1] and the resolution is positive."""
        if not self.width_mults or not all(0 < width <= 1 for width in self.width_mults):
            raise SpaceError(f"`0 < width_mult <= 1` must hold, but got {self.width_mults}")
        if self.resolution < 1:
            raise SpaceError(f"`resolution >= 1` must hold, but got {self.resolution}")
        if len(set(self.width_mults)) == 1:
            object.__setattr__(self, "width_mults", self.width_mults[:1])

    @property
    def config_id(self) -> str:
        """Stable and readable: `w0.75-r24`, `w0.25_0.5_1-r24`."""
        return f"w{'_'.join(f'{width:g}' for width in self.width_mults)}-r{self.resolution}"

    def width_of_each(self, num_groups: int) -> tuple[float, ...]:
        """The widths of all groups, also where a single one stands for all of them."""
        return self.width_mults * (num_groups // len(self.width_mults))

    @classmethod
    def from_id(cls, config_id: str) -> "SubnetConfig":
        """Parse a `config_id`. Raises SpaceError when it is malformed."""
        widths, separator, resolution = config_id.removeprefix("w").partition("-r")
        try:
            if not (config_id.startswith("w") and separator):
                raise ValueError
            return cls(
                width_mults=tuple(float(width) for width in widths.split("_")),
                resolution=int(resolution),
            )
        except SpaceError:
            raise
        except ValueError:
            raise SpaceError(
                f"a config_id reads like w0.75-r24 or w0.25_0.5_1-r24, but got {config_id!r}"
            ) from None


def widths_from(low: float) -> tuple[float, ...]:
    """The width multipliers from `low` to 1: 0.25, 0.3 ... 1, in steps of 0.05 as in the papers.

    A short range has finer steps: the coarsest of WIDTH_STEPS that gives MIN_WIDTHS widths.
    """
    if not 0 < low <= 1:
        raise SpaceError(f"`0 < low <= 1` must hold for the lowest width, but got {low}")
    step = next((step for step in WIDTH_STEPS if low + MIN_WIDTHS * step <= 1), WIDTH_STEPS[-1])
    above = int((1 - low) / step + 1e-9)  # floats: (1 - 0.7) / 0.02 is 15.000000000000002
    from_one = [round(1 - step * number, 4) for number in range(above + 1)]
    return tuple(sorted({low, *from_one}))


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """The widths and resolutions that a supernet is trained for and searched over."""

    widths: tuple[float, ...] = widths_from(0.25)
    """The width multipliers that a group may have, the narrowest first; the last is 1. They are
    few, so that what is trained, searched and shipped has few shapes."""
    resolutions: tuple[int, ...] = (28, 24, 20, 16)
    """Input sides in pixels, the highest first."""
    divisor: int = 8
    """Kept channels are a multiple of this; in layers too narrow for it, see `channel_multiple`."""
    groups: str = "stage"
    """What has a width of its own: each "stage" of layers at one resolution, each "layer" (set of
    layers that must have the same channels), or "one": the whole network."""
    num_groups: int = 1
    """Width multipliers in a config; a Supernet derives it from its network."""

    def __post_init__(self) -> None:
        """Raise SpaceError for values out of range; sort the widths, and resolutions downwards."""
        if not self.widths or not 0 < min(self.widths) <= max(self.widths) == 1:
            raise SpaceError(
                f"`0 < width <= 1` must hold, and one width must be 1, but got {self.widths}"
            )
        if not self.resolutions or min(self.resolutions) < 1:
            raise SpaceError(f"`resolution >= 1` must hold, but got {self.resolutions}")
        if self.divisor < 1 or self.num_groups < 1:
            raise SpaceError(
                "`divisor >= 1` and `num_groups >= 1` must hold, "
                f"but got {self.divisor} and {self.num_groups}"
            )
        if self.groups not in GROUPS:
            raise SpaceError(f"`groups` must be one of {', '.join(GROUPS)}, but got {self.groups}")
        ordered = tuple(sorted(set(self.resolutions), reverse=True))
        object.__setattr__(self, "resolutions", ordered)
        object.__setattr__(self, "widths", tuple(sorted(set(self.widths))))

    @property
    def narrowest(self) -> float:
        """The smallest width multiplier."""
        return self.widths[0]

    @property
    def largest(self) -> SubnetConfig:
        """The full network at the highest resolution."""
        return self.uniform(1.0, self.resolutions[0])

    @property
    def smallest(self) -> SubnetConfig:
        """The narrowest network at the lowest resolution."""
        return self.uniform(self.narrowest, self.resolutions[-1])

    @property
    def corners(self) -> list[SubnetConfig]:
        """The four extremes: largest and smallest width x highest and lowest resolution.

        The full network comes first. Fewer than four where there is one width or one resolution.
        """
        sides = (self.resolutions[0], self.resolutions[-1])
        widths = (1.0, self.narrowest)
        return list(dict.fromkeys(self.uniform(width, side) for side in sides for width in widths))

    def uniform(self, width_mult: float, resolution: int) -> SubnetConfig:
        """The config with one width for all groups."""
        return SubnetConfig(width_mults=(width_mult,), resolution=resolution)

    def grid(self, num_widths: int | None = None) -> Iterator[SubnetConfig]:
        """The paper's uniform grid: widths x resolutions, largest first.

        Of all widths, or of the `num_widths` that divide them most evenly.
        """
        for resolution in self.resolutions:
            for width in reversed(_spread(self.widths, num_widths or len(self.widths))):
                yield self.uniform(width, resolution)

    def random_widths(self, rng: random.Random) -> tuple[float, ...]:
        """Draw a width for each group, independently and uniformly from `widths`."""
        return tuple(rng.choice(self.widths) for _ in range(self.num_groups))

    def to_json(self) -> dict[str, Any]:
        """Plain values for supernet.json; `SearchSpace.from_json` reads them back."""
        return {
            "widths": list(self.widths),
            "resolutions": list(self.resolutions),
            "divisor": self.divisor,
            "groups": self.groups,
            "num_groups": self.num_groups,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "SearchSpace":
        """The inverse of `to_json`; raises SpaceError like the constructor."""
        return cls(
            widths=tuple(values["widths"]),
            resolutions=tuple(values["resolutions"]),
            divisor=values["divisor"],
            groups=values["groups"],
            num_groups=values["num_groups"],
        )


def _spread(widths: tuple[float, ...], count: int) -> list[float]:
    """`count` of the widths, evenly spread, both ends among them."""
    last = len(widths) - 1
    if count == 1 or last == 0:
        return [widths[-1]]
    count = min(count, len(widths))
    return [widths[round(last * number / (count - 1))] for number in range(count)]
