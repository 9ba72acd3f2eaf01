"""Random choices with given weights, and relaxed ones that can be differentiated."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine import random
from gradsh.engine.arguments import check_tensors
from gradsh.engine.leaf import detach
from gradsh.engine.op import composite
from gradsh.engine.ops.extremes import max_along
from gradsh.engine.ops.gathering import scatter
from gradsh.engine.ops.softmax import softmax
from gradsh.engine.tensor import new_tensor


@composite()
def multinomial(input: Any, num_samples: int, replacement: bool = False) -> Any:
    """num_samples indices drawn with the weights that input, or each of its rows, holds.

    multinomial(rand(4), 2)
    multinomial(rand(3, 4), 3, replacement=true)
    multinomial(tensor([0.0, 1.0, 3.0]), num_samples=1)
    """
    check_tensors("multinomial", input=input)
    return new_tensor(random.default_generator.multinomial(input.array, num_samples, replacement))


@composite(method=False)
def gumbel_softmax(
    logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Any:
    """A random choice by logits along dim, relaxed: a softmax after Gumbel noise was added.

    The smaller tau, the nearer it is to a choice; hard gives the choice itself, with the relaxed
    one's gradient. Source: Jang et al., Categorical Reparameterization with Gumbel-Softmax (2016).

    gumbel_softmax(randn(3, 4))
    gumbel_softmax(randn(3, 4), tau=0.5, dim=0)
    gumbel_softmax(randn(3, 4), hard=true)
    """
    check_tensors("gumbel_softmax", logits=logits)
    array = logits.array
    noise = random.default_generator.exponential(1.0, array.shape, array.dtype)
    relaxed = softmax((logits + new_tensor(-np.log(noise))) / tau, dim)
    if not hard:
        return relaxed
    chosen = max_along(relaxed, dim, True).indices
    one = scatter(new_tensor(np.zeros(array.shape, array.dtype)), dim, chosen, 1.0)
    return one - detach(relaxed) + relaxed
