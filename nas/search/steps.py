"""Steps: the widths of each group and the resolutions that a search proposes, ascending."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from supernet import SubnetConfig, Supernet


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What a search chooses from: a config is one width for each group and one resolution.

    On many targets latency is a staircase in the number of channels, which a vector unit or a
    kernel takes in multiples. A width between two steps then costs as much as the next step, and
    `lifted` makes it that step. See `nas.search.staircase` for how they are measured.
    """

    widths: tuple[tuple[float, ...], ...]
    """For each width of a config, the steps, the narrowest first; the last is 1."""
    resolutions: tuple[int, ...]
    """Input sides in pixels, the lowest first."""

    @classmethod
    def all_of(cls, supernet: Supernet) -> "Steps":
        """All widths of the supernet that differ in channels, and all resolutions.

        Of widths with the same channels, the largest, so that `lifted` changes no channels.
        """
        return cls(
            widths=tuple(
                tuple(widths_by_channels(supernet, number).values())
                for number in range(supernet.space.num_groups)
            ),
            resolutions=tuple(reversed(supernet.space.resolutions)),
        )

    @property
    def num_configs(self) -> int:
        """How many configs the steps make."""
        count = len(self.resolutions)
        for widths in self.widths:
            count *= len(widths)
        return count

    def lifted(self, config: SubnetConfig) -> SubnetConfig:
        """`config` with each width raised to the next step; its resolution must be one of these."""
        widths = (
            next(step for step in steps if step >= width)
            for steps, width in zip(
                self.widths, config.width_of_each(len(self.widths)), strict=True
            )
        )
        return SubnetConfig(width_mults=tuple(widths), resolution=config.resolution)

    def features(self, config: SubnetConfig) -> list[float]:
        """The logs of the lifted widths and of the resolution: costs are products of them."""
        widths = self.lifted(config).width_of_each(len(self.widths))
        return [math.log(value) for value in (*widths, config.resolution)]

    @cached_property
    def logs(self) -> tuple[list[list[float]], list[float]]:
        """The logs of the widths and of the resolutions."""
        return [[*map(math.log, each)] for each in self.widths], [*map(math.log, self.resolutions)]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a study; `Steps.from_json` reads them back."""
        return {"widths": [list(each) for each in self.widths], "resolutions": [*self.resolutions]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Steps":
        """The inverse of `to_json`."""
        return cls(
            widths=tuple(tuple(each) for each in values["widths"]),
            resolutions=tuple(values["resolutions"]),
        )


def widths_by_channels(supernet: Supernet, number: int) -> dict[tuple[int, ...], float]:
    """The widths that the `number`-th of a config may have, by the channels that they keep.

    Fewest channels first; of widths with the same channels, the largest.
    """
    mine = [index for index, each in enumerate(supernet.width_of) if each == number]
    if not mine:  # a network without an elastic channel has one width, which changes nothing
        return {(): 1.0}
    found: dict[tuple[int, ...], float] = {}
    for width in supernet.space.widths:
        config = supernet.space.uniform(width, supernet.space.resolutions[0])
        kept = supernet.kept_counts(config)
        found[tuple(kept[index] for index in mine)] = width
    return found
