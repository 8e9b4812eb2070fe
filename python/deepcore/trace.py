"""A ``Trace`` holds every matrix of one step of gradient descent, and shows what each layer does in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from deepcore import _checks, _heat_map
from deepcore._algebra import norm
from deepcore._network.formulas import formulas
from deepcore._network.network import Network, Snapshot
from deepcore._network.spec import Spec
from deepcore._network.units import dead_units, of_members, saturated_units
from deepcore._text_table import as_html, as_text
from deepcore.exceptions import UnknownNameError
from deepcore.files.atomic import replacing
from deepcore.functional.shapes import ShapeTable
from deepcore.optimizers import SGD, OptimizerState, rebound, resolve
from deepcore.typing import Array

__all__ = ["LayerStatistics", "Trace"]

_HEAD = ("l", "units", "activation", "|W|", "|dW|", "mean A", "std A", "|dZ|", "dead", "saturated")


@dataclass(frozen=True)
class LayerStatistics:
    """What one layer does in a step.

    Attributes:
        number: Number of the layer, from 1.
        units: n, number of its units.
        activation: Name of its activation.
        mean: Mean of A, over units and examples.
        std: Standard deviation of A.
        dead: Numbers of the units, from 0, whose output and slope are 0 for every example (relu, relu6).
        saturated: Numbers of the units, from 0, of bounded activations (such as sigmoid and tanh) whose slope
            is below 1% of its maximum on more than half of the examples that dropout keeps for the unit.
    """

    number: int
    units: int
    activation: str
    mean: float
    std: float
    dead: Array
    saturated: Array


class Trace(Mapping[str, Array]):
    """Every matrix of one step by name, such as ``trace["dZ1"]``; columns are examples.

    ``print(trace)`` shows a line per layer, a notebook shows heat maps with shapes and formulas, and
    ``write_html`` writes them to a file.

    Args:
        spec: Describes the network.
        arrays: The matrices of ``m J`` or of J by name, according to ``per``.
        numbers: The parameters of the network in that step.
        cost: J.
        sample_weight: w, the weights of the examples, (m,); None: 1.
        per: See ``Model.trace``.

    Attributes:
        spec: Describes the network.
        parameters: W, b and so on, as they were in that step.
        cost: J, the mean loss of the examples, with the penalties.
        m: Number of examples.
        sample_weight: w, (m,), or None.
        per: ``"batch"``: dA and dZ are derivatives of J, so that ``dW = dZ A.T``. ``"example"``: they are
            derivatives of each example's loss, as in the course, so that ``dW = dZ A.T / m``. With
            weights they are multiplied by w, and ``dW = dZ A.T / sum(w)``.

    Example:
        >>> import numpy as np, deepcore as dc
        >>> model = dc.mlp([2, 3, 1], activation="tanh", dtype="float64", seed=1)
        >>> trace = model.trace(np.eye(2), [0, 1], per="example")
        >>> bool(np.array_equal(trace["dZ2"], trace["A2"] - [[0, 1]]))
        True
        >>> trace.formulas["dZ2"], trace.shapes["dZ1"]
        ('A2 - Y', (3, 2))
    """

    def __init__(
        self,
        spec: Spec,
        arrays: Mapping[str, Array],
        numbers: Snapshot,
        *,
        cost: float,
        sample_weight: Array | None = None,
        per: str,
    ) -> None:
        self.spec, self.cost, self.per, self.sample_weight = spec, cost, per, sample_weight
        self.m = int(arrays["A0"].shape[1]) // spec.members
        weight = self.m if sample_weight is None else sample_weight.sum(dtype=np.float64)
        self._arrays = {name: _scaled(name, array, per, weight) for name, array in arrays.items()}
        self._numbers = numbers
        self._network = Network(spec, numbers)
        self.parameters: Mapping[str, Array] = self._network.parameters

    def __getitem__(self, name: str) -> Array:
        if name not in self._arrays:
            known = _checks.first_names(list(self._arrays))
            raise UnknownNameError(f"trace: there is no {_checks.shown(name)}; there is {known}")
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    @property
    def norms(self) -> dict[str, float]:
        """The Frobenius norm of every matrix and of every parameter: the root of the sum of its squares."""
        arrays = {**self.parameters, **self._arrays}
        return {name: norm(array) for name, array in arrays.items()}

    @property
    def formulas(self) -> dict[str, str]:
        """How each matrix is computed from the others, such as ``"W1 A0 + b1"``."""
        return formulas(self.spec, self.per, self._arrays, weighted=self.sample_weight is not None)

    @property
    def shapes(self) -> ShapeTable:
        """The shapes of all matrices as a table; ``shapes.check(arrays)`` compares your own with it."""
        return ShapeTable([len(self["A0"]), *self.spec.units], self["A0"].shape[1])

    @property
    def layers(self) -> tuple[LayerStatistics, ...]:
        """What each layer does in this step, the first hidden one first."""
        found = []
        for number, layer in enumerate(self.spec.layers, start=1):
            A, mask = self[f"A{number}"], self._arrays.get(f"mask{number}")
            before = A if mask is None else np.divide(A, mask, out=np.zeros_like(A), where=mask > 0)
            exact = of_members(self.spec, number, A).astype(np.float64)
            found.append(
                LayerStatistics(
                    number, layer.units, layer.activation, float(exact.mean()), float(exact.std()),
                    dead_units(self.spec, number, A, mask), saturated_units(self.spec, number, before, mask),
                )
            )  # fmt: skip
        return tuple(found)

    @property
    def dead(self) -> dict[int, Array]:
        """Numbers of the dead units of each layer that has some; see ``LayerStatistics``."""
        return {layer.number: layer.dead for layer in self.layers if layer.dead.size}

    @property
    def saturated(self) -> dict[int, Array]:
        """Numbers of the saturated units of each layer that has some; see ``LayerStatistics``."""
        return {layer.number: layer.saturated for layer in self.layers if layer.saturated.size}

    def update_ratios(self, optimizer: object = "sgd") -> dict[str, float]:
        """Compute ``|update of W| / |W|`` of every layer for the step that an optimizer makes from here.

        About 0.001 is usual. A much smaller ratio means that the layer hardly learns, and a much larger one
        that the steps are too long.

        Args:
            optimizer: A learning rate of plain gradient descent, a description such as ``Adam(1e-3)``, a
                name, or the state of an optimizer of this model. None of them is changed.

        Returns:
            ``{"W1": ..., "W2": ..., ...}``.

        Raises:
            TypeError: if ``optimizer`` is something else.

        Example:
            >>> import numpy as np, deepcore as dc
            >>> trace = dc.mlp([2, 3, 1], seed=1).trace(np.eye(2), [0, 1])
            >>> list(trace.update_ratios(0.1)), list(trace.update_ratios(dc.Adam(0.01)))
            (['W1', 'W2'], ['W1', 'W2'])
        """
        weights = [f"W{layer.number}" for layer in self.layers]
        twin = Network(self.spec, self._numbers)
        if _checks.is_number(optimizer):
            optimizer = SGD(_checks.number("update_ratios", "optimizer", optimizer))
        state = (
            rebound(optimizer.optimizer, twin, optimizer.state())
            if isinstance(optimizer, OptimizerState)
            else resolve(optimizer, twin, 1, "update_ratios")
        )
        state.step({f"d{name}": self[f"d{name}"] for name in twin.parameters})
        return {
            name: _ratio(twin.parameters[name] - self.parameters[name], self.parameters[name])
            for name in weights
        }

    def _rows(self) -> list[tuple[str, ...]]:
        norms = self.norms
        return [
            (
                f"{layer.number}", f"{layer.units}", layer.activation,
                *(f"{norms[f'{name}{layer.number}']:.3g}" for name in ("W", "dW")),
                f"{layer.mean:.3g}", f"{layer.std:.3g}", f"{norms[f'dZ{layer.number}']:.3g}",
                f"{layer.dead.size}", f"{layer.saturated.size}",
            )
            for layer in self.layers
        ]  # fmt: skip

    def _foot(self) -> str:
        meaning = "the cost J (dW = dZ A.T)"
        if self.per == "example" and self.sample_weight is None:
            meaning = "each example's loss (dW = dZ A.T / m)"
        elif self.per == "example":
            meaning = "each example's loss times its weight w (dW = dZ A.T / sum(w))"
        examples = f"{self.m} example{'s' if self.m != 1 else ''}"
        return f"cost J = {self.cost:.6g}; {examples}; dA and dZ are derivatives of {meaning}"

    def __str__(self) -> str:
        return as_text((_HEAD, *self._rows()), self._foot(), left={_HEAD.index("activation")}, ruled=True)

    def __repr__(self) -> str:
        return f"Trace({len(self.spec.layers)} layers, {self.m} examples, per={self.per!r})"

    def _repr_html_(self) -> str:
        formula = self.formulas

        def row(names: list[str]) -> str:
            arrays = {**self.parameters, **self._arrays}
            figures = [_heat_map.figure(n, formula.get(n, ""), arrays[n]) for n in names if n in arrays]
            return f'<div class="row">{"".join(figures)}</div>'

        depth = len(self.spec.layers)
        parts = [as_html((_HEAD, *self._rows()), self._foot()), "<h4>Forward</h4>", row(["A0"])]
        for number in range(1, depth + 1):
            parts.append(row([f"{kind}{number}" for kind in ("W", "b", "Z", "mask", "A")]))
        parts.append("<h4>Backward</h4>")
        for number in range(depth, 0, -1):
            parts.append(row([f"{kind}{number}" for kind in ("dA", "dZ", "dW", "db")]))
        return f'{_heat_map.STYLE}<div class="dc">{"".join(parts)}</div>'

    def write_html(self, path: str | os.PathLike[str]) -> None:
        """Write the heat maps of all matrices to one HTML file, which needs no other file.

        Args:
            path: The file; an old one is replaced as a whole.

        Raises:
            OSError: if the file cannot be written.
        """
        with replacing(path) as file:
            file.write(_heat_map.page("Trace of one step", self._repr_html_()).encode())


def _scaled(name: str, array: Array, per: str, weight: float) -> Array:
    """A matrix of the trace, which the core gives per batch, by the convention that is asked for."""
    return array * array.dtype.type(weight) if per == "example" and name[:2] in ("dA", "dZ") else array


def _ratio(update: Array, weights: Array) -> float:
    """``|update| / |weights|``; 0 if there is no update, and infinite if the weights are 0."""
    size, whole = (norm(array) for array in (update, weights))
    return size / whole if whole else float("inf") if size else 0.0
