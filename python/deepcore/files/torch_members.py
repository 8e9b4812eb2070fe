"""``Members``: the module of PyTorch that computes a network with members. Importing it imports PyTorch."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["Members"]


class Members(torch.nn.Module):  # type: ignore[misc]
    """The mean of what several networks compute that share all weights but two.

    Member i multiplies the inputs by row i of ``factor`` (members, n_in), does what ``shared`` does, and then
    its own ``W = weight[i]`` and ``b = bias[i]``, and ``output``.

    Args:
        shared: The layers that all members have.
        output: What follows the last linear layer.
        sizes: Numbers of members, of inputs, of units before the last layer, and of outputs.
        dtype: Of the parameters.
    """

    def __init__(self, shared: Any, output: Any, sizes: tuple[int, int, int, int], dtype: Any) -> None:
        super().__init__()
        members, inputs, units, outputs = sizes
        self.factor = torch.nn.Parameter(torch.ones(members, inputs, dtype=dtype))
        self.shared = shared
        self.weight = torch.nn.Parameter(torch.zeros(members, outputs, units, dtype=dtype))
        self.bias = torch.nn.Parameter(torch.zeros(members, outputs, dtype=dtype))
        self.output = output

    def each(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of all members, (m, members, outputs), whose mean loss trains them."""
        shape = (x.shape[0], self.factor.shape[0])
        rows = (x.unsqueeze(1) * self.factor).flatten(0, 1)  # a row for each member of each example
        units = self.shared(rows).unflatten(0, shape)
        z = torch.einsum("imu,mou->imo", units, self.weight) + self.bias
        return self.output(z.flatten(0, 1)).unflatten(0, shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the mean of the outputs of all members, (m, outputs)."""
        return self.each(x).mean(dim=1)
