"""Compiled: subnets run through torch.compile, each shape compiled once."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from supernet.elastic.supernet import Supernet
from supernet.errors import SupernetError
from supernet.job.recipe import Recipe
from supernet.space import SubnetConfig

MAX_SHAPES = 64
"""Each shape takes seconds to minutes to compile."""


class Compiled:
    """A compiled supernet: `compiled(images, config)` is `supernet(images, config)`.

    A subnet's tensors are arguments of the compiled function, so that a config is compiled once and
    not in every step. Raises SupernetError when a recipe has more shapes than `MAX_SHAPES`.
    """

    def __init__(self, supernet: Supernet, recipe: Recipe) -> None:
        self.supernet = supernet
        self.functions: dict[tuple[Any, ...], Callable[[dict[str, Tensor], Tensor], Tensor]] = {}
        # By default a function's ninth shape would run uncompiled.
        torch._dynamo.config.recompile_limit = 2 * MAX_SHAPES
        space = supernet.space
        num_widths = len(space.widths) if recipe.num_random else 2
        num_shapes = num_widths**space.num_groups * len(space.resolutions)
        if num_shapes > MAX_SHAPES:
            raise SupernetError(
                f"--compile needs at most {MAX_SHAPES} shapes (widths x resolutions), but there "
                f"are {num_shapes:,}: choose a few --widths and --resolutions, or --groups one"
            )

    def __call__(self, images: Tensor, config: SubnetConfig) -> Tensor:
        """Logits, as from Supernet. Raises SupernetError if nothing can be compiled."""
        network = self.supernet.subnet(config)
        tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
        key = (*self.supernet.kept_counts(config), images.shape, network.training)
        if key not in self.functions:
            skeleton = self.supernet.extract(config)

            def compute(tensors: dict[str, Tensor], images: Tensor) -> Tensor:
                output = functional_call(skeleton, tensors, (images,))
                logits: Tensor = self.supernet.logits.of(skeleton, output)
                return logits

            self.functions[key] = torch.compile(compute, dynamic=False)
            with warnings.catch_warnings():  # the compiler reads .grad, which views lack
                warnings.filterwarnings("ignore", "The .grad attribute of a Tensor that is not a")
                try:
                    return self.functions[key](tensors, images)
                except torch._dynamo.exc.BackendCompilerFailed as error:
                    raise SupernetError(
                        "--compile needs a compiler that works (on a CPU g++, or what CXX names), "
                        f"but got: {str(error).partition(chr(10))[0]}; leave --compile out"
                    ) from error
        return self.functions[key](tensors, images)
