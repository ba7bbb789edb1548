"""Supernet: the full network, and every subnet as a plain network on views of its parameters."""

import hashlib
from dataclasses import replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from supernet.elastic.attributes import referring
from supernet.elastic.channels import floating_dtype, on_meta, trace_channels
from supernet.elastic.describe import describe
from supernet.elastic.inputs import Inputs, as_tuple, sides_of, without_data
from supernet.elastic.narrow import narrow
from supernet.elastic.unchanged import unchanged
from supernet.elastic.widths import share_widths
from supernet.errors import ModelError, SpaceError, reason_of
from supernet.seeding import seeded
from supernet.space import SearchSpace, SubnetConfig
from supernet.tracing import OneDevice


class Supernet(nn.Module):
    """A network that contains many: `supernet(x, config)` runs the subnet that `config` names.

    A config is an argument, never state. `supernet.model` is the given network itself: its
    parameters are trained, at width 1.0 it computes the same as before, and no forward pass of a
    subnet changes its buffers (each subnet has copies; see `calibrate_bn`).

    Args:
        model: any network that takes a batch of images; it must run on `example_input`.
        example_input: (batch, channels, side, side); only the shape matters. Signals are (batch,
            channels, side), volumes (batch, channels, depth, side, side), whose depth stays. Where
            `forward` takes several inputs, a tuple of them, images first; others of their sides
            count as images, too.
        space: the widths and resolutions to allow. `supernet.space` is the same with
            `num_groups` set to the number of widths in a config.
        num_classes: columns of the logits; None: any number.

    Raises:
        ModelError: the network cannot run on `example_input`, or not at a resolution of `space`, or
            `num_classes` is given and it does not return logits that can be told apart.
    """

    def __init__(
        self,
        model: nn.Module,
        example_input: Inputs,
        space: SearchSpace,
        *,
        num_classes: int | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.channels = trace_channels(model, example_input, space, num_classes)
        self.example_inputs = without_data(as_tuple(example_input), floating_dtype(model))
        """Inputs without data, of the shapes and types that it takes at the highest resolution."""
        self.logits = self.channels.logits
        """Where the logits are in what the network returns."""
        num_sides = len(sides_of(self.example_inputs[0]))
        self.width_of = share_widths(self.channels.groups, space.groups, num_sides)
        """For each channel group, the index of its width in a config."""
        self.space = replace(space, num_groups=max(self.width_of, default=0) + 1)
        self._referring = referring(model)
        self._tensors = [name for name, _ in model.named_parameters()]
        self._buffers_of_model = [name for name, _ in model.named_buffers()]
        self._select = {
            name: self.channels.selector(name) for name in (*self._tensors, *self._buffers_of_model)
        }
        self._check_resolutions()

    def forward(self, x: Inputs, config: SubnetConfig) -> Tensor:
        """Logits (batch, classes) of the subnet for images (batch, channels, side, side).

        Where the network takes several inputs, `x` is a tuple of them. The side must be
        `config.resolution`. Gradients reach the full network's parameters. Of several outputs
        (auxiliary heads in training) this is the one that the same layer makes as in eval mode;
        where the logits are unknown (see `num_classes`), all outputs are returned.
        """
        inputs = as_tuple(x)
        sides = sides_of(inputs[0])
        if any(side != config.resolution for side in sides):
            raise SpaceError(
                f"images must be {config.resolution} px a side for {config.config_id}, "
                f"but got {sides}: resize them first"
            )
        network = self.subnet(config)
        logits: Tensor = self.logits.of(network, network(*inputs))
        return logits

    def subnet(self, config: SubnetConfig) -> nn.Module:
        """A plain network whose parameters are views of the full network's.

        Its buffers (BN statistics) are copies. It is in training or evaluation mode as the supernet
        is. Where the full network returns other tensors besides the logits in eval mode, it returns
        the logits alone. Raises SpaceError when the config has the wrong number of widths.
        """
        kept = self.kept_counts(config)
        network = self._narrow(self._cut(kept), kept, self._referring)
        return self.logits.returned_alone(network)

    def extract(self, config: SubnetConfig) -> nn.Module:
        """A plain, self-contained network: contiguous copies, nothing shared with the supernet.

        Its BN statistics are those of the full network's first channels until `calibrate_bn`
        replaces them. Raises SpaceError like `subnet`.
        """
        kept = self.kept_counts(config)
        with torch.no_grad():
            tensors = {
                name: tensor.clone(memory_format=torch.contiguous_format)
                for name, tensor in self._cut(kept).items()
            }
        parameters = {
            name: nn.Parameter(tensors[name], requires_grad=tensors[name].is_floating_point())
            for name in self._tensors
        }
        narrowed = self._narrow(tensors | parameters, kept, independent=True)
        return self.logits.returned_alone(narrowed)

    def part_of(self, name: str, tensor: Tensor, config: SubnetConfig) -> Tensor:
        """The subnet's part, as a view, of a full tensor that belongs to the parameter `name`."""
        return self._select[name](tensor, self.kept_counts(config))

    def kept_counts(self, config: SubnetConfig) -> tuple[int, ...]:
        """Places that each group keeps. Raises SpaceError for the wrong number of widths."""
        widths, num_groups = config.width_mults, self.space.num_groups
        if len(widths) not in (1, num_groups):
            raise SpaceError(f"a config must have 1 or {num_groups} widths, but got {len(widths)}")
        each = config.width_of_each(num_groups)
        return self.channels.kept_counts(
            [each[number] for number in self.width_of], self.space.divisor
        )

    def groups_digest(self) -> str:
        """The sha256 of which entries of which tensors each width of a config removes, and of what
        else follows.

        Equal digests mean that a config names the same subnet of the same tensors.
        """
        groups = [(group.size, group.unit, group.layers) for group in self.channels.groups]
        digest = hashlib.sha256(repr((groups, self.width_of)).encode())
        entries = [
            ((name, d), dim)
            for name, dims in sorted(self.channels.dims.items())
            for d, dim in enumerate(dims)
            if dim is not None
        ]
        counted = [
            ((*attribute, size), dim)
            for attribute, sizes in sorted(self.channels.following.items())
            for size, dim in sizes.items()
        ]
        for key, dim in (*entries, *counted):
            digest.update(repr((*key, (dim.groups.tolist(), dim.positions.tolist()))).encode())
        return digest.hexdigest()

    def describe(self) -> str:
        """A printable table of the channel groups, and of what stays at full width and why."""
        low, low_width = self.kept_counts(self.space.smallest), self.space.narrowest
        return describe(self.model, self.channels, self.width_of, low, low_width)

    def _apply(self, *args: Any, **kwargs: Any) -> Self:
        """Move or convert all tensors (`to` calls this); a buffer in two places stays one tensor.

        nn.Module itself keeps that for parameters only.
        """
        buffers = [
            (module, name, id(buffer))
            for module in self.modules()
            for name, buffer in module._buffers.items()
            if buffer is not None
        ]
        super()._apply(*args, **kwargs)  # type: ignore[no-untyped-call]
        moved: dict[int, Tensor | None] = {}
        for module, name, before in buffers:
            module._buffers[name] = moved.setdefault(before, module._buffers[name])
        return self

    def _narrow(
        self,
        tensors: dict[str, Tensor],
        kept_counts: tuple[int, ...],
        referring_attributes: tuple[tuple[str, str], ...] | None = None,
        *,
        independent: bool = False,
    ) -> nn.Module:
        return narrow(
            self.model,
            tensors,
            self.channels.losing_groups,
            referring_attributes,
            sizes=self.channels.sizes(kept_counts),
            independent=independent,
        )

    def _cut(self, kept_counts: tuple[int, ...]) -> dict[str, Tensor]:
        tensors = {
            name: self._select[name](tensor, kept_counts)
            for name, tensor in self.model.named_parameters()
        }
        for name, buffer in self.model.named_buffers():
            tensors[name] = self._select[name](buffer, kept_counts).clone()
        return tensors

    def _without_data(self, config: SubnetConfig) -> nn.Module:
        """The subnet on the meta device."""
        kept = self.kept_counts(config)
        named = [*self.model.named_parameters(), *self.model.named_buffers()]
        empty = {name: on_meta(tensor) for name, tensor in named}
        cut = {name: self._select[name](tensor, kept) for name, tensor in empty.items()}
        return self._narrow(cut, kept)

    def _check_resolutions(self) -> None:
        """Run the narrowest subnet at each resolution on the meta device."""
        for resolution in self.space.resolutions:
            network = self._without_data(self.space.smallest).eval()
            inputs = without_data(self.example_inputs, floating_dtype(self.model), resolution)
            try:
                with seeded(0), unchanged(self.model), OneDevice():  # type: ignore[no-untyped-call]
                    network(*inputs)
            except Exception as error:  # a user's network may raise anything
                raise ModelError(
                    f"the network must run at {resolution} px, but got: {reason_of(error)}; "
                    "leave out that resolution or choose a model for small inputs"
                ) from error
