"""Rehearsal: what a training does and ends in, tried on a few random images before it begins."""

import torch

from supernet.elastic.describe import require_elastic
from supernet.elastic.requirements import require_constant_parameters
from supernet.elastic.supernet import Supernet
from supernet.errors import ModelError, SupernetError
from supernet.evaluate.calibration import calibrate_bn
from supernet.job.recipe import Recipe

NUM_IMAGES = 8


def rehearse(supernet: Supernet, recipe: Recipe) -> None:
    """Run and calibrate the smallest subnet of `supernet`, on the CPU, on random images.

    The supernet and the global random numbers stay as they are. Raises ModelError when the recipe
    trains widths but no channel is elastic, when the network raises, when it changes parameters in
    its forward pass, or when it keeps statistics that cannot be calibrated.
    """
    config = supernet.space.smallest
    if recipe.trains_widths and config.width_mults != (1.0,):
        require_elastic(supernet.channels)
    network, side = supernet.extract(config), config.resolution
    images = torch.randn(NUM_IMAGES, 3, side, side, generator=torch.Generator().manual_seed(0))
    try:
        require_constant_parameters(network.train(), images)
        calibrate_bn(network.eval(), [images])
    except SupernetError:
        raise
    except Exception as error:  # a user's network may raise anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"the network must run on {NUM_IMAGES} images of {side} px, but got: {reason}"
        ) from error
