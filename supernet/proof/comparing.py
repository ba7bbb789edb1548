"""Comparisons: what a subnet computes and learns, against what it must equal."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.elastic.unchanged import unchanged
from supernet.errors import ModelError
from supernet.proof.calibrated import only_bn_in_training, wrong_statistics
from supernet.proof.learning import TOLERANCE, Inputs, Learned, difference, learn
from supernet.proof.notes import Notes
from supernet.proof.zeroed import zeroed
from supernet.seeding import seeded
from supernet.space import SubnetConfig


def run(network: nn.Module, inputs: Inputs) -> None:
    """Run `network` without gradients; what it caches is forgotten."""
    with torch.no_grad(), unchanged(network):
        network(*inputs)


class Comparisons:
    """Compares subnets of `twin`; raises ModelError for the first that differs."""

    def __init__(self, twin: Supernet, dtype: torch.dtype, inputs: Inputs) -> None:
        self.twin, self.dtype, self.inputs = twin, dtype, inputs
        self.named = dict(twin.model.named_parameters())

    def of_network(self, named: Mapping[str, Tensor]) -> Learned:
        """The given network itself, with gradients by the parameters `named`."""
        full, model = self.twin.logits, self.twin.eval().model
        return learn(model, self.inputs, named, lambda output: full.of_full(model, output))

    def of(self, widths: list[float], named: Mapping[str, Tensor] | None = None) -> Learned:
        """A subnet over views, with gradients by the parameters `named`; None: all."""
        subnet = self.twin.subnet(self._config(widths))
        return learn(subnet, self.inputs, self.named if named is None else named)

    def of_extracted(self, widths: list[float]) -> None:
        """A subnet over views against the same extracted."""
        config = self._config(widths)
        network = self.twin.extract(config).eval()
        self._require_same(config, self.of(widths), network, self.inputs)

    def of_training(self, widths: list[float], images: Inputs) -> None:
        """The same with BN in training mode."""
        config = self._config(widths)
        subnet = only_bn_in_training(self.twin.subnet(config))
        network = only_bn_in_training(self.twin.extract(config))
        self._require_same(config, learn(subnet, images, self.named), network, images)

    def of_zeroed(self, widths: list[float]) -> str | None:
        """A subnet against the full network with zeros; why it can't be compared, None: it is."""
        config = self._config(widths)
        network, full = zeroed(self.twin, config)
        logits = self.twin.logits
        with seeded(0):
            before = torch.get_rng_state()
            run(network, self.inputs)
            if not torch.equal(before, torch.get_rng_state()):
                return "it draws random numbers in eval mode"
        expected = learn(network, self.inputs, full, lambda out: logits.of_full(network, out))
        found = difference(self.of(widths), expected, self.dtype)
        if found is None:
            return None
        subnet = self.twin.subnet(config)
        if self._numbers(network) != self._numbers(subnet):
            return "its code computes with the number of channels"
        if self.dtype == torch.float64 and not self._is_precise(network):
            return "part of it is computed in less than float64"
        raise self._error(config, "the full network with the removed channels at 0", found)

    def of_calibration(self, widths: list[float], images: Tensor) -> None:
        """BN statistics after calibration."""
        config = self._config(widths)
        found = wrong_statistics(self.twin.extract(config), images, TOLERANCE[self.dtype])
        if found is not None:
            raise ModelError(
                f"calibration must leave right BN statistics in {config.config_id}, but {found}: "
                "please report this model"
            )

    def of_copy(self, widths: list[float]) -> None:
        """Whether an extracted network computes the same when the supernet's weights are gone."""
        config = self._config(widths)
        network = self.twin.extract(config).eval()
        shared = _shared(self.twin.model, network)
        before = learn(network, self.inputs, {})
        with torch.no_grad():
            for tensor in (*self.twin.model.parameters(), *self.twin.model.buffers()):
                tensor.zero_()
        found = difference(learn(network, self.inputs, {}), before, self.dtype)
        if found or shared:
            raise self._error(config, "itself without the supernet", found or f"shares {shared}")

    def require(self, what: str, one: Learned, other_what: str, other: Learned) -> None:
        """Raise ModelError unless both computed and learned the same."""
        found = difference(one, other, self.dtype)
        if found is not None:
            raise ModelError(
                f"{what} must compute and learn what {other_what} does, but got {found}: "
                "please report this model, or train with --width-range 1 1"
            )

    def _require_same(
        self, config: SubnetConfig, mine: Learned, network: nn.Module, inputs: Inputs
    ) -> None:
        theirs = learn(network, inputs, dict(network.named_parameters()))
        gradients = {name: self._part(name, g, config) for name, g in mine.gradients.items()}
        mine = Learned(outputs=mine.outputs, gradients=gradients)
        self.require(config.config_id, mine, "the same network extracted", theirs)

    def _part(self, name: str, gradient: Tensor | None, config: SubnetConfig) -> Tensor | None:
        """The subnet's part of a full gradient; what it lacks must have got nothing."""
        if gradient is None:
            return None
        part = self.twin.part_of(name, gradient, config)
        inside, all_of = float(part.abs().sum()), float(gradient.abs().sum())
        if all_of - inside > TOLERANCE[self.dtype] * inside:
            raise self._error(config, "itself extracted", f"a gradient outside of {name}")
        return part

    def _error(self, config: SubnetConfig, what: str, found: str) -> ModelError:
        return ModelError(
            f"{config.config_id} must compute and learn what {what} does, but got {found}: "
            "please report this model, or train with --width-range 1 1"
        )

    def _config(self, widths: list[float]) -> SubnetConfig:
        return SubnetConfig(width_mults=tuple(widths), resolution=self.inputs[0].shape[-1])

    def _numbers(self, network: nn.Module) -> list[object]:
        """The numbers that its code passes to elementwise operations."""
        with seeded(0), Notes() as notes:
            run(network, self.inputs)
        numbers: list[object] = notes.numbers
        return numbers

    def _is_precise(self, network: nn.Module) -> bool:
        """Whether all that it computes with fractions is in float64."""
        with seeded(0), Notes() as notes:
            run(network, self.inputs)
        dtypes: set[torch.dtype] = notes.dtypes
        return dtypes <= {torch.float64}


def _shared(model: nn.Module, network: nn.Module) -> str | None:
    """A container that a module of `network` has in common with one of `model`."""
    mine = {
        id(value): f"{path}.{name}".lstrip(".")
        for path, module in model.named_modules()
        for name, value in vars(module).items()
        if isinstance(value, dict | list | set)
    }
    others = (value for module in network.modules() for value in vars(module).values())
    return next((mine[id(value)] for value in others if id(value) in mine), None)
