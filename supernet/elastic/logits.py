"""Which of the tensors that a network returns are its logits, in training and in eval mode."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from supernet.errors import ModelError
from supernet.tracing import BATCH_SIZE, Output, pick

Outputs = Mapping[tuple[Any, ...], Output]


@dataclass(frozen=True, kw_only=True)
class Logits:
    """Where the logits are in what a network returns; None: unknown, the output is left alone."""

    training: tuple[Any, ...] | None
    evaluation: tuple[Any, ...] | None

    def of(self, network: nn.Module, output: Any) -> Any:
        """The logits in the `output` of `network`, a subnet."""
        if self.evaluation:  # then it returns nothing else
            return output
        return self.of_full(network, output)

    def of_full(self, network: nn.Module, output: Any) -> Any:
        """The logits in the `output` of the given network, in its own terms."""
        place = self.training if network.training else self.evaluation
        return output if place is None else pick(output, place)

    def fixed(self, outputs: Outputs, evaluation: Outputs) -> list[Output]:
        """Those of `outputs` whose channels stay: all, or where only logits are used, all heads."""
        if not self.evaluation:
            return list(outputs.values())
        shape = evaluation[self.evaluation].shape
        return [output for output in outputs.values() if output.shape == shape]

    def returned_alone(self, network: nn.Module) -> nn.Module:
        """Make `network` return nothing else; return it.

        A network that does so in eval mode is left as it is.
        """
        if self.evaluation:
            network._forward_hooks = OrderedDict(network._forward_hooks)  # a subnet shares them
            network.register_forward_hook(lambda module, args, output: self.of_full(module, output))
        return network


def find_logits(training: Outputs, evaluation: Outputs, num_classes: int | None) -> Logits:
    """Find the logits among the outputs of a traced pass in each mode.

    In eval mode they are the only tensor with two dimensions, (batch, `num_classes`); without
    `num_classes`, the only tensor, or else the output is left alone. In training,
    where auxiliary heads may add others, they are what the same step makes or, where none does,
    what has the same place. Raises ModelError when they cannot be told apart.
    """
    found = [place for place, output in evaluation.items() if _is_logits(output, num_classes)]
    if num_classes is None and len(evaluation) == 1:
        found = list(evaluation)
    elif num_classes is None:
        return Logits(training=None, evaluation=None)
    if len(found) != 1:
        raise ModelError(
            f"a network must return logits (batch, {num_classes}) in eval mode, alone or as the "
            f"only such tensor, but returns {_shapes(evaluation)}: return them alone"
        )
    main = evaluation[found[0]]
    candidates = [place for place, output in training.items() if output.shape == main.shape]
    same = [place for place in candidates if training[place].maker == main.maker]
    same = same or [place for place in candidates if place == found[0]]
    if len(candidates) == 1 or len(same) == 1:
        return Logits(training=(same or candidates)[0], evaluation=found[0])
    if num_classes is None:
        return Logits(training=None, evaluation=found[0])
    raise ModelError(
        f"a network that returns {_shapes(training)} in training mode must make one of these as it "
        "makes the logits in eval mode, but does not: return the logits of one head in both"
    )


def _is_logits(output: Output, num_classes: int | None) -> bool:
    return tuple(output.shape) == (BATCH_SIZE, num_classes)


def _shapes(outputs: Outputs) -> str:
    shapes = [str(("batch", *output.shape[1:])).replace("'", "") for output in outputs.values()]
    return ", ".join(shapes) or "no tensor"
