"""The table of a model's layers, for a terminal and for a notebook."""

from __future__ import annotations

from dataclasses import dataclass

from deepcore._network.spec import Spec
from deepcore._text_table import as_html, as_text

__all__ = ["Summary"]

_HEAD = ("layer", "units", "activation", "W", "b", "Z", "A", "parameters")


@dataclass(frozen=True)
class Summary:
    """Layers, units, activations, shapes of W, b, Z, A (columns are examples) and numbers of parameters.

    ``print(summary)`` shows it in a terminal; a notebook shows an HTML table.

    Attributes:
        rows: One tuple of strings per layer, layer 0 being the input.
        parameters: Number of trainable numbers.
        note: Loss and dtype.
    """

    rows: tuple[tuple[str, ...], ...]
    parameters: int
    note: str

    @classmethod
    def of(cls, spec: Spec) -> Summary:
        """Build the table from a spec."""
        inputs, dropped = spec.inputs, spec.input_dropout
        first = f"(input), dropout {dropped:g}" if dropped else "(input)"
        rows: list[tuple[str, ...]] = [("0", f"{inputs}", first, "", "", "", f"({inputs}, m)", "")]
        total, n_prev = 0, spec.width
        for embedding in spec.embeddings:
            total += embedding.size
            name = f"{embedding.kind} embedding of {embedding.columns} columns".replace("_", " ")
            rows.append(("0", f"{n_prev}", name, "", "", "", f"({n_prev}, m)", f"{embedding.size:,}"))
        if spec.members > 1:
            size = n_prev * spec.members
            total += size
            name = f"factors of {spec.members} members"
            rows.append(("0", f"{n_prev}", name, "", "", "", f"({n_prev}, {spec.members} m)", f"{size:,}"))
        columns_of_batch = "m" if spec.members == 1 else f"{spec.members} m"
        for number, (layer, n) in enumerate(zip(spec.layers, spec.units, strict=True), start=1):
            columns = [n_prev if name == "scale" else n for name in layer.arrays if name != "W"]
            size = n * n_prev + sum(columns)
            what = {
                "scaled inputs": layer.scaled_inputs,
                layer.parametrization: layer.parametrization != "standard",
                f"{layer.norm} norm": layer.norm,
                "parametric " * layer.parametric + layer.activation: True,
                f"dropout {layer.dropout:g}": layer.dropout,
            }
            activation = ", ".join(name for name, there in what.items() if there)
            shapes = (f"({n}, {n_prev})", f"({n}, 1)", *[f"({n}, {columns_of_batch})"] * 2)
            rows.append((f"{number}", f"{n}", activation, *shapes, f"{size:,}"))
            total += size
            n_prev = n
        return cls(tuple(rows), total, f"loss {spec.loss}; {spec.dtype}")

    @property
    def table(self) -> list[tuple[str, ...]]:
        """All rows, the head first."""
        return [_HEAD, *self.rows]

    @property
    def _foot(self) -> str:
        return f"{self.parameters:,} parameters; {self.note}; m: number of examples"

    def __str__(self) -> str:
        return as_text(self.table, self._foot, left={_HEAD.index("activation")}, ruled=True)

    __repr__ = __str__

    def to_html(self, more: str = "") -> str:
        """Write the table in HTML; ``more`` is added to its caption."""
        return as_html(self.table, self._foot + more)

    def _repr_html_(self) -> str:
        return self.to_html()
