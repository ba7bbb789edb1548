"""Steps: the widths of each group, the resolutions and the number types that a search proposes."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from nas.number_types import dtype_of, typed
from supernet import SubnetConfig, Supernet


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What a search chooses from: a width for each group, one resolution and one number type.

    On many targets latency is a staircase in the number of channels, which a vector unit or a
    kernel takes in multiples. A width between two steps then costs as much as the next step, and
    `lifted` makes it that step. See `nas.search.staircase` for how they are measured.
    """

    widths: tuple[tuple[float, ...], ...]
    """For each width of a config, the steps, the narrowest first; the last is 1."""
    resolutions: tuple[int, ...]
    """Input sides in pixels, the lowest first."""
    dtypes: tuple[str, ...] = ()
    """The number types of which a config names one; (): the target has only one."""

    @classmethod
    def all_of(cls, supernet: Supernet, dtypes: tuple[str, ...] = ()) -> "Steps":
        """All widths of the supernet that differ in channels, and all resolutions.

        Of widths with the same channels, the largest, so that `lifted` changes no channels.
        """
        return cls(
            widths=tuple(
                tuple(widths_by_channels(supernet, number).values())
                for number in range(supernet.space.num_groups)
            ),
            resolutions=tuple(reversed(supernet.space.resolutions)),
            dtypes=dtypes,
        )

    @cached_property
    def axes(self) -> tuple[tuple[Any, ...], ...]:
        """The values of each choice: the widths of each group, resolutions, number types if any."""
        return (*self.widths, self.resolutions, *([self.dtypes] if self.dtypes else []))

    @property
    def num_configs(self) -> int:
        """How many configs the steps make."""
        return math.prod(map(len, self.axes))

    def config_of(self, values: Sequence[Any]) -> SubnetConfig:
        """The config with one value for each of `axes`."""
        count = len(self.widths)
        subnet = SubnetConfig(
            width_mults=tuple(map(float, values[:count])), resolution=int(values[count])
        )
        return typed(subnet, values[-1] if self.dtypes else None)

    def values_of(self, config: SubnetConfig) -> tuple[Any, ...]:
        """The inverse of `config_of`; of a config between two steps, those of `lifted`."""
        widths = self.lifted(config).width_of_each(len(self.widths))
        return (*widths, config.resolution, *([dtype_of(config)] if self.dtypes else []))

    def lifted(self, config: SubnetConfig) -> SubnetConfig:
        """`config` with each width raised to the next step; its resolution must be one of these."""
        widths = (
            next(step for step in steps if step >= width)
            for steps, width in zip(
                self.widths, config.width_of_each(len(self.widths)), strict=True
            )
        )
        return replace(config, width_mults=tuple(widths))

    def in_each_dtype(self, configs: Iterable[SubnetConfig]) -> Iterator[SubnetConfig]:
        """Yield each config in each number type, one config after the other."""
        for config in configs:
            for dtype in self.dtypes or (None,):
                yield typed(config, dtype)

    def features(self, config: SubnetConfig) -> list[float]:
        """The inputs of the surrogates for a config, that of each value (`inputs`)."""
        places = zip(self.inputs, self.axes, self.values_of(config), strict=True)
        return [inputs[axis.index(value)] for inputs, axis, value in places]

    @cached_property
    def inputs(self) -> list[list[float]]:
        """For each of `axes`, what stands for its values in a surrogate.

        The logs of widths and resolutions, because costs are products of them, and the number of a
        number type.
        """
        logs = [[*map(math.log, each)] for each in (*self.widths, self.resolutions)]
        return [*logs, *([[*map(float, range(len(self.dtypes)))]] if self.dtypes else [])]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a study; `Steps.from_json` reads them back."""
        named = {"dtypes": [*self.dtypes]} if self.dtypes else {}
        widths = [list(each) for each in self.widths]
        return {"widths": widths, "resolutions": [*self.resolutions], **named}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Steps":
        """The inverse of `to_json`, which leaves out `dtypes` if there are none."""
        return cls(
            widths=tuple(tuple(each) for each in values["widths"]),
            resolutions=tuple(values["resolutions"]),
            dtypes=tuple(values.get("dtypes", ())),
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
