"""A network as one C header: C99 that is C++ too, without allocation, global state or other files.

Weights are constants, batch norms and input scales are part of them, and a self-test is included.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain as joined
from typing import Any, NamedTuple

import numpy as np

from deepcore import _checks, _core
from deepcore._network.examples import Examples
from deepcore._network.network import Network
from deepcore.files import c_code
from deepcore.files.atomic import replacing
from deepcore.files.chain import (
    EPSILON,
    SELU,
    SELU_ALPHA,
    Activation,
    Affine,
    Chain,
    LayerNorm,
    Linear,
    Table,
    chain_of,
    network_of,
    outputs,
)
from deepcore.typing import Array

__all__ = ["CHeader", "header", "write"]

_VECTOR_BYTES = 256  # sums that are kept in registers: eight vectors of AVX2, sixteen of SSE2 or NEON
_FEWEST_COLUMNS = 3  # layers with fewer units are computed unit by unit
_FEWEST_TERMS = 8  # of a partial sum: adding partial sums takes time too
_LANES = 4  # the weights of an input are padded to a multiple: whole vectors
_EXAMPLES = 4  # of the self-test


@dataclass(frozen=True)
class CHeader:
    """What was written, and what it costs.

    Attributes:
        text: The file.
        constant_bytes: Size of the weights and other constants, which lie in flash memory.
        scores: ``{"model": {"loss": ..., "accuracy": ...}, "header": ...}`` on the examples that were given,
            else empty.
    """

    text: str
    constant_bytes: int
    scores: dict[str, dict[str, float]]

    def __repr__(self) -> str:
        return f"CHeader({self.constant_bytes} bytes of constants, scores={self.scores})"


def write(path: str | os.PathLike[str], network: Network, **options: Any) -> CHeader:
    """Write the header of a network to ``path``, atomically; the options are those of ``header``."""
    made = header(network, **options)
    with replacing(path) as file:
        file.write(made.text.encode("ascii"))
    return made


def header(
    network: Network,
    *,
    prefix: str = "net",
    dtype: np.dtype[Any] | None = None,
    int8: bool = False,
    examples: Examples | None = None,
    table: Table | None = None,
) -> CHeader:
    """Make the header of a network.

    Args:
        network: The network.
        prefix: All names in the file begin with it.
        dtype: float32 for ``float`` and float64 for ``double``; None: that of the network.
        int8: Keep weights as whole numbers from -127 to 127, with a scale per unit.
        examples: Checked examples, on which the network and the header are compared.
        table: What stands before and behind the network.

    Raises:
        ValueError: if the prefix is no identifier, or a parameter is not finite, or not in ``dtype``.
    """
    _check_prefix(prefix)
    dtype = network.spec.dtype if dtype is None else dtype
    core = chain_of("to_c_header", network)
    if int8:
        core = [_rounded(step) if isinstance(step, Linear) else step for step in core]
    scores = {} if examples is None else _scores(network, core, examples)
    table = Table() if table is None else table
    writer = _Writer(prefix, dtype, int8)
    text = writer.file(network, table.around(core), table)
    return CHeader(text, writer.constant_bytes, scores)


def _check_prefix(prefix: object) -> None:
    if not isinstance(prefix, str):
        raise TypeError(f"to_c_header: prefix must be a name, got {_checks.shown(prefix)}")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", prefix):
        raise ValueError(
            f"to_c_header: prefix must be letters, digits and _, and begin with a letter, got "
            f"{_checks.shown(prefix)}"
        )


def _scale(W: Array) -> Array:
    """What one step of int8 is worth in each unit."""
    largest = np.abs(W).max(axis=1)
    return np.where(largest == 0, 1.0, largest) / 127


def _rounded(linear: Linear) -> Linear:
    """The linear step that int8 weights compute."""
    scale = _scale(linear.W)[:, np.newaxis]
    return replace(linear, W=np.rint(linear.W / scale) * scale)


def _scores(network: Network, core: Chain, examples: Examples) -> dict[str, dict[str, float]]:
    """Loss and accuracy of the network and of the chain that the header computes."""
    spec = network.spec
    same = network_of(
        "to_c_header", core, spec.inputs, spec.dtype, loss=spec.loss, loss_parameter=spec.loss_parameter,
        label_smoothing=spec.label_smoothing,
    )  # fmt: skip
    found = {}
    for name, one in (("model", network), ("header", same)):
        loss, accuracy = one.evaluate(examples, 0)
        found[name] = {"loss": loss} | ({"accuracy": accuracy} if spec.gives_probabilities else {})
    return found


class _Tile(NamedTuple):
    """Some units of a layer whose product is one call."""

    first: int
    units: int
    width: int  # units with padding
    by_rows: bool  # the weights are stored unit by unit

    def flat(self, W: Array) -> Array:
        """The weights in the order in which they are read."""
        part = W[self.first : self.first + self.units]
        return (
            part.ravel() if self.by_rows else np.pad(part.T, ((0, 0), (0, self.width - self.units))).ravel()
        )


class _Writer:
    """Writes the C of one chain."""

    def __init__(self, prefix: str, dtype: np.dtype[Any], int8: bool) -> None:
        self.dtype, self.int8 = dtype, int8
        single = dtype == np.float32
        self.names = {"p": prefix, "P": prefix.upper(), "T": "float" if single else "double"}
        self.names["f"] = "f" if single else ""
        self.constant_bytes = 0
        self._constants: list[str] = []
        self._functions: dict[str, str] = {}  # by name, so that each is written once
        self._body: list[str] = []

    # Pieces

    def _filled(self, text: str, **values: object) -> str:
        return c_code.filled(text, **{**self.names, **values})

    def _literal(self, value: float) -> str:
        text = str(self.dtype.type(value))
        return text + self.names["f"]

    def _numbers(self, values: Array) -> str:
        """The numbers of an array as initialisers, eight per line."""
        with np.errstate(over="ignore"):
            cast = np.ascontiguousarray(values, self.dtype).ravel()
        if not np.isfinite(cast).all():
            raise ValueError(f"to_c_header: parameters must be finite in {self.dtype}; use dtype='float64'")
        return self._lines(str(value) + self.names["f"] for value in cast)

    @staticmethod
    def _lines(texts: Iterable[str]) -> str:
        texts = list(texts)
        lines = [", ".join(texts[i : i + 8]) for i in range(0, len(texts), 8)]
        return "{\n    " + ",\n    ".join(lines) + "\n}"

    def _constant(self, name: str, values: Array) -> str:
        full = f"{self.names['p']}_{name}"
        self._constants.append(
            f"static const {self.names['T']} {full}[{values.size}] = {self._numbers(values)};\n"
        )
        self.constant_bytes += values.size * self.dtype.itemsize
        return full

    def _bytes(self, name: str, values: Array) -> str:
        full = f"{self.names['p']}_{name}"
        texts = self._lines(str(int(value)) for value in values.ravel())
        self._constants.append(f"static const signed char {full}[{values.size}] = {texts};\n")
        self.constant_bytes += values.size
        return full

    # Steps

    def _linear(self, number: int, step: Linear, source: str, target: str) -> None:
        """The product of a layer: tiles of constant width, or scalar products if there are few units."""
        units, n = step.W.shape
        tiles = self._tiles(units)
        scales = [_scale(step.W)] if self.int8 else []
        stored = np.rint(step.W / scales[0][:, np.newaxis]) if self.int8 else step.W
        flat = np.concatenate([tile.flat(stored) for tile in tiles])
        W = (self._bytes if self.int8 else self._constant)(f"W{number}", flat)
        padding = (0, tiles[-1].width - tiles[-1].units)
        vectors = [
            self._constant(f"{name}{number}", np.pad(values, padding))
            for name, values in zip(("b", "scale"), [step.b, *scales], strict=False)
        ]
        full = [tile for tile in tiles if tile.units == tiles[0].units]
        if len(full) > 1:
            call = self._product(
                full[0], n, source, f"{W} + {n} * j", [f"{v} + j" for v in vectors], f"{target} + j"
            )
            width = full[0].units
            self._body += [f"for (j = 0; j < {len(full) * width}; j += {width})", f"    {call}"]
            tiles = tiles[len(full) :]
        for tile in tiles:
            at, start = (f" + {place}" if place else "" for place in (tile.first, n * tile.first))
            self._body.append(
                self._product(tile, n, source, W + start, [v + at for v in vectors], target + at)
            )

    def _tiles(self, units: int) -> list[_Tile]:
        """The units of a layer in tiles, whose sums fit into registers."""
        widest = _VECTOR_BYTES // self.dtype.itemsize
        found = []
        for first in range(0, units, widest):
            count = min(widest, units - first)
            by_rows = count < _FEWEST_COLUMNS
            found.append(_Tile(first, count, count if by_rows else -(-count // _LANES) * _LANES, by_rows))
        return found

    def _product(self, tile: _Tile, n: int, x: str, W: str, vectors: list[str], y: str) -> str:
        """Write the function that a tile needs, and return the call."""
        p, arguments = self.names["p"], f"{n}, {x}, {W}, {', '.join(vectors)}, {y}"
        if tile.by_rows:
            lanes = 32 if n >= 64 else 8
            self._functions.setdefault(f"rows{lanes}", c_code.rows(lanes, self.int8, **self.names))
            return f"{p}_rows{lanes}({tile.units}, {arguments});"
        widest = _VECTOR_BYTES // self.dtype.itemsize
        most = min(widest // tile.width, n // _FEWEST_TERMS, 8)
        sums = 1 << max(0, most.bit_length() - 1)
        name = f"columns{tile.units}" + (f"_{sums}" if sums > 1 else "")
        text = c_code.columns(name, tile.units, tile.width, sums, self.int8, **self.names)
        self._functions.setdefault(name, text)
        return f"{p}_{name}({arguments});"

    def _affine(self, number: int, step: Affine, source: str, target: str) -> None:
        centre, factor, shift = (
            self._constant(f"{name}{number}", values)
            for name, values in (("centre", step.centre), ("factor", step.factor), ("shift", step.shift))
        )
        self._body += [
            f"for (j = 0; j < {step.centre.size}; ++j)",
            f"    {target}[j] = ({source}[j] - {centre}[j]) * {factor}[j] + {shift}[j];",
        ]

    def _layer_norm(self, number: int, step: LayerNorm, z: str) -> None:
        gamma, beta = self._constant(f"gamma{number}", step.gamma), self._constant(f"beta{number}", step.beta)
        self._functions.setdefault(
            "layer_norm", self._filled(c_code.LAYER_NORM, epsilon=self._literal(EPSILON))
        )
        self._body.append(f"{self.names['p']}_layer_norm({step.gamma.size}, {z}, {gamma}, {beta});")

    def _activation(self, number: int, step: Activation, units: int, z: str) -> None:
        p = self.names["p"]
        if step.name in c_code.DEPENDS:
            needed = c_code.DEPENDS[step.name]
            self._functions.setdefault(f"{needed}_minus", c_code.helper(needed, **self.names))
        if step.name == "softmax":
            width = -(-units // _LANES) * _LANES
            self._functions["softmax"] = self._filled(c_code.SOFTMAX, n=units, width=width)
            self._body.append(f"{p}_softmax({z});")
            return
        has_parameter = step.name in ("leaky_relu", "elu")  # each layer has its own
        name = f"{step.name}{number}" if has_parameter else step.name
        lines = self._filled(
            c_code.ACTIVATIONS[step.name],
            s=self._literal(step.parameter),
            half=self._literal(0.5),
            root_half=self._literal(np.sqrt(0.5)),
            **{"lambda": self._literal(SELU), "lambda_alpha": self._literal(SELU * SELU_ALPHA)},
        )
        lines = lines if "return" in lines else f"return {lines}"
        T = self.names["T"]
        self._functions.setdefault(
            name, f"{self.names['P']}_INLINE {T} {p}_{name}({T} z)\n{{\n    {lines};\n}}\n"
        )
        value = f"{p}_{name}({z}[j])"
        if step.alpha is not None:
            alpha = self._constant(f"alpha{number}", step.alpha)
            value = f"{z}[j] + ({value} - {z}[j]) * {alpha}[j]"
        self._body += [f"for (j = 0; j < {units}; ++j)", f"    {z}[j] = {value};"]

    # The file

    def file(self, network: Network, steps: Chain, table: Table) -> str:
        """Return the whole header."""
        spec = network.spec
        test = self._self_test(network, steps)
        widths, place, units, number = {"a": 0, "b": 0}, "x", spec.inputs, 0
        last = max(i for i, step in enumerate(steps) if isinstance(step, Linear))
        for i, step in enumerate(steps):
            if isinstance(step, Linear | Affine) and not (isinstance(step, Affine) and i > 0):
                target = "y" if i >= last else "b" if place == "a" else "a"
                units = len(step.b) if isinstance(step, Linear) else units
                if target != "y":
                    widths[target] = max(widths[target], units)
                if isinstance(step, Linear):
                    number += 1
                    self._body.append(f"/* layer {number}: {step.W.shape[1]} to {units} */")
                    self._linear(number, step, place, target)
                else:
                    self._affine(0, step, place, target)
                place = target
            elif isinstance(step, Affine):
                self._affine(number, step, place, place)
            elif isinstance(step, LayerNorm):
                self._layer_norm(number, step, place)
            elif isinstance(step, Activation):
                self._activation(number, step, units, place)
        pieces = [
            self._head(network),
            *self._constants,
            *self._functions.values(),
            self._predict(widths),
            *self._classes(spec.output, table),
            test,
            f"#endif /* {self.names['P']}_H */\n",
        ]
        return "\n".join(pieces)

    def _head(self, network: Network) -> str:
        spec, P = network.spec, self.names["P"]
        sizes = "-".join(str(n) for n in (spec.inputs, *(layer.units for layer in spec.layers)))
        needs_bits = any(name.endswith("_minus") for name in self._functions)
        headers = ["math.h", *(["stdint.h", "string.h"] if needs_bits else [])]
        return self._filled(
            c_code.HEAD,
            sizes=sizes,
            activations=", ".join(layer.activation for layer in spec.layers),
            weights="signed char, with a scale per unit" if self.int8 else self.names["T"],
            bytes=self.constant_bytes,
            version=_core.build_info()["version"],
            includes="\n".join(f"#include <{name}>" for name in headers),
            inputs=spec.inputs,
            outputs=spec.outputs,
            fast="FP_FAST_FMAF" if self.names["f"] else "FP_FAST_FMA",
            guard=P,
        )

    def _predict(self, widths: dict[str, int]) -> str:
        buffers = [f"{name}[{width}]" for name, width in widths.items() if width]
        declared = [f"{self.names['T']} {', '.join(buffers)};"] if buffers else []
        if any(line.startswith("for (j") for line in self._body):
            declared.append("int j;")
        lines = "\n".join(f"    {line}" for line in joined(declared, self._body))
        return self._filled(c_code.PREDICT, lines=lines)

    def _classes(self, output: str, table: Table) -> list[str]:
        found = []
        if output == "softmax":
            found.append(self._filled(c_code.LARGEST))
        if table.labels is not None:
            found.append(self._strings("label", "Name of a class.", table.labels))
        if table.features is not None:
            found.append(self._strings("feature", "Name of an input.", table.features))
        return found

    def _strings(self, name: str, what: str, values: Sequence[object]) -> str:
        texts = ",\n        ".join(_c_string(str(value)) for value in values)
        return self._filled(c_code.STRINGS, name=name, what=what, texts=texts, count=len(values))

    def _self_test(self, network: Network, steps: Chain) -> str:
        """Examples near the middle of the inputs, and what Python computes for them."""
        n = network.spec.inputs
        X = _core.normal(network.spec.seed, 0, _EXAMPLES * n).reshape(_EXAMPLES, n)
        if isinstance(steps[0], Affine):  # raw inputs, which become such numbers when they are standardised
            safe = np.where(steps[0].factor == 0, 1.0, steps[0].factor)
            X = X / safe + steps[0].centre
        X = X.astype(self.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            while not np.isfinite((Y := outputs(steps, X)).astype(self.dtype)).all() and X.any():
                X = X / 2  # exp of large numbers is infinite
        tolerance = (1e-4 if self.dtype == np.float32 else 1e-9) * max(1.0, float(np.abs(Y).max()))
        return self._filled(
            c_code.SELF_TEST, count=_EXAMPLES, x=self._rows(X), y=self._rows(Y),
            tolerance=self._literal(tolerance),
        )  # fmt: skip

    def _rows(self, values: Array) -> str:
        return (
            "{\n    "
            + ",\n    ".join(self._numbers(row).replace("\n", "\n    ") for row in values)
            + "\n    }"
        )


def _c_string(text: str) -> str:
    """A literal of ASCII characters; others become the octal escapes of their bytes in UTF-8."""
    plain = (
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode("utf-8", "surrogateescape")
    )
    return f'"{"".join(plain)}"'
