"""Proving: a network's subnets on random images, before anything is trained.

What is compared is what tracing, cutting and copying could have got wrong. Whether BN may be folded
into the layers, the runtimes prove themselves each time that they fold (nas/runtimes/fold.py).
"""

import random
from dataclasses import dataclass

import torch

from supernet.elastic.supernet import Supernet
from supernet.errors import ModelError, SupernetError, reason_of
from supernet.proof.comparing import Comparisons
from supernet.proof.setting import inputs_of, macs_of, setting_of
from supernet.seeding import own_generators, seed_generators

MAX_PARAMS = 200_000_000
"""Of a larger network, in float64 and with gradients, no proof is attempted: 8 GB and minutes."""
MAX_MACS = 1_000_000_000
"""Where an image takes more, one subnet is compared, without gradients of the full network."""
NUM_IMAGES = 2
NUM_BN_IMAGES = 4
"""In training mode, where BN divides by what these differ in."""
NUM_CONFIGS = 3
"""The narrowest subnet and random ones."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What was compared, and found to be equal."""

    dtype: str
    """The precision; empty: nothing was compared."""
    num_configs: int
    num_zeroed: int
    """Channel groups, of `num_groups`, whose removal was compared with zeros."""
    num_groups: int
    why_not: str = ""
    """Why nothing or not all was compared; one line."""

    @property
    def line(self) -> str:
        """One line for people."""
        if not self.dtype:
            return f"not proven: {self.why_not}"
        parts = [
            "width 1.0 computes what the network does",
            f"{self.num_configs} subnets what they do extracted",
            f"{self.num_zeroed} of {self.num_groups} channel groups removed as if they were 0",
        ]
        what = "values and gradients" if self.dtype == "float64" else "values"
        text = f"proven on random images in {self.dtype} ({what}): {'; '.join(parts)}"
        return f"{text} ({self.why_not})" if self.why_not else text


def prove(supernet: Supernet) -> Proof:
    """Compare subnets with what they must equal, on a copy of `supernet` and a few random images.

    In eval mode, outputs and gradients by all parameters: width 1.0 and the given network; three
    subnets (the narrowest, two random ones with a width for each channel group), the same
    extracted, and the full network with the removed channels at zero. For the last, groups stay
    whole whose channels a norm, an average or a softmax combines. Then, for the narrowest: with BN
    in training mode; after calibration, BN statistics and moments of the layers' inputs; and
    extracted, after the supernet's weights are overwritten.

    In float64, or by outputs alone in float32 where the network does not run in that. `supernet`
    and the global generators do not change. Raises ModelError where something differs.
    """
    size = sum(parameter.numel() for parameter in supernet.model.parameters())
    if size > MAX_PARAMS:
        return _not(supernet, f"it has more than {MAX_PARAMS / 1e6:.0f} M parameters")
    with own_generators():
        seed_generators(0)
        try:
            return _prove(supernet)
        except SupernetError:
            raise
        except Exception as error:  # a user's network may raise anything
            raise ModelError(
                f"subnets must run on {NUM_IMAGES} random images, but got: {reason_of(error)}: "
                "please report this model"
            ) from error


def _not(supernet: Supernet, why: str) -> Proof:
    num_groups = len(supernet.channels.groups)
    return Proof(dtype="", num_configs=0, num_zeroed=0, num_groups=num_groups, why_not=why)


def _prove(supernet: Supernet) -> Proof:
    twin, dtype, side = setting_of(supernet)
    inputs = inputs_of(twin, dtype, side, NUM_IMAGES)
    is_large = macs_of(twin, side) > MAX_MACS
    compared = Comparisons(twin, dtype, inputs)
    named = {} if is_large else dict(twin.model.named_parameters())
    expected = compared.of_network(named)
    if not all(bool(output.isfinite().all()) for output in expected.outputs):
        return _not(supernet, "what it computes of random images is not finite")
    compared.require("width 1.0", compared.of([1.0], named), "the network", expected)
    rng, num_groups = random.Random(0), len(twin.channels.groups)
    choices = [[twin.space.narrowest] * num_groups]
    mixed, num_zeroed, why_not = twin.channels.mixed | twin.channels.ordered, 0, ""
    if is_large:
        why_not = f"an image of {side} px takes more than {MAX_MACS / 1e9:g} G MACs"
    else:
        choices += [list(twin.space.random_widths(rng)) for _ in range(NUM_CONFIGS - 1)]
    for widths in choices if num_groups else []:
        compared.of_extracted(widths)
        left = [1.0 if g in mixed else width for g, width in enumerate(widths)]
        if len(mixed) < num_groups and not why_not:
            why_not = compared.of_zeroed(left) or ""
            num_zeroed = 0 if why_not else num_groups - len(mixed)
    if num_groups:
        images = inputs_of(twin, dtype, side, NUM_BN_IMAGES)
        compared.of_training(choices[0], images)
        if dtype == torch.float64 and len(inputs) == 1:
            compared.of_calibration(choices[0], images[0])
        compared.of_copy(choices[0])
    return Proof(
        dtype=str(dtype).removeprefix("torch."),
        num_configs=len(choices) if num_groups else 0,
        num_zeroed=num_zeroed,
        num_groups=num_groups,
        why_not=why_not,
    )
