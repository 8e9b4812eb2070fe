"""How the arrays of embeddings and members start: random numbers by seed, kind of array and place."""

from __future__ import annotations

import numpy as np

from deepcore import _core
from deepcore._network.parameters import BlockViews
from deepcore._network.spec import Spec
from deepcore.layers import CategoryEmbedding, Embedding, PeriodicEmbedding, PiecewiseLinearEmbedding

__all__ = ["start_embedding", "start_members"]

# Streams of the seed. Those of layers 1, 2, ... are 4, 8, ...: see ``Stream`` in rng.hpp.
_FREQUENCY, _PHASE, _WEIGHT, _OFFSET, _TABLE, _FACTOR = (4 * (2**40 + number) for number in range(6))


def start_embedding(embedding: Embedding, parameters: BlockViews, seed: int) -> None:
    """Draw the first numbers of an embedding's arrays.

    Frequencies are normal with the embedding's sigma, phases uniform in (-pi, pi), weights and offsets
    uniform in +-1/sqrt(n), n being the number of frequencies, or of units if the embedding is piecewise
    linear; there the weights of all parts but x itself are 0. Rows of categories are standard normal.
    """

    def uniform(name: str, stream: int, limit: float) -> None:
        view = parameters[name]
        drawn = _core.uniform(seed, stream, view.size)
        view[...] = (limit * (2 * drawn - 1)).reshape(view.shape[::-1]).T

    def normal(name: str, stream: int, deviation: float) -> None:
        view = parameters[name]
        view[...] = (deviation * _core.normal(seed, stream, view.size)).reshape(view.shape[::-1]).T

    if isinstance(embedding, PeriodicEmbedding):
        normal("frequency0", _FREQUENCY, embedding.sigma)
        uniform("phase0", _PHASE, np.pi)
        limit = 1 / np.sqrt(embedding.frequencies)
    elif isinstance(embedding, PiecewiseLinearEmbedding):
        limit = 1 / np.sqrt(embedding.units)
    else:
        normal("table0", _TABLE, 1.0)
        return
    uniform("weight0", _WEIGHT, limit)
    uniform("offset0", _OFFSET, limit)
    if isinstance(embedding, PiecewiseLinearEmbedding):
        starts = np.cumsum([0, *(len(column) for column in embedding.edges[:-1])])
        parts = np.ones(parameters["weight0"].shape[1], bool)
        parts[starts] = False
        parameters["weight0"][:, parts] = 0


def start_members(spec: Spec, parameters: BlockViews) -> None:
    """Draw the factors of the members: normal numbers if numbers are embedded, and otherwise 1 or -1.

    The numbers that a column of X becomes share one factor per member at the start.
    """
    numbers: list[int] = []
    categories: list[int] = []
    for embedding in spec.embeddings:
        widths = categories if isinstance(embedding, CategoryEmbedding) else numbers
        widths += [embedding.units] * embedding.columns
    passed = spec.width - sum(numbers) - sum(categories)
    widths = [*numbers, *[1] * passed, *categories]
    drawn = _core.normal(spec.seed, _FACTOR, len(widths) * spec.members).reshape(spec.members, len(widths)).T
    factors = drawn if numbers else np.where(drawn < 0, -1.0, 1.0)
    parameters["factor0"][...] = np.repeat(factors, widths, axis=0)
