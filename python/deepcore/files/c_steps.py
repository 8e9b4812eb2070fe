"""The chain of a network as lines of C. Embeddings are written by ``c_join``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from deepcore.files import c_code
from deepcore.files.c_join import element, join_lines
from deepcore.files.c_writer import Writer
from deepcore.files.steps import (
    EPSILON,
    SELU,
    SELU_ALPHA,
    Activation,
    Affine,
    Bounds,
    Chain,
    Complement,
    Join,
    LayerNorm,
    Linear,
    Members,
    Step,
    Temperature,
    linear_steps,
)
from deepcore.files.weights import Numbers, Weights
from deepcore.typing import Array

__all__ = ["chain_lines"]

_VECTOR_BYTES = 256  # sums that are kept in registers: eight vectors of AVX2, sixteen of SSE2 or NEON
_FEWEST_COLUMNS = 3  # layers with fewer units are computed unit by unit
_FEWEST_TERMS = 8  # of a partial sum: adding partial sums takes time too
_SHORT_LOOP = 16  # compilers unroll loops of up to so many steps before they vectorise
_BLOCK_INPUTS = 16  # inputs of a product with so few units that are one expression
_OWN_NAMES = {"W": "weight", "b": "bias", "scale": "scale"}  # pointers to what one of the members has
_LANES = 4  # the weights of an input are padded to a multiple: whole vectors


class _Tile(NamedTuple):
    """Some units of a layer whose product is one call."""

    first: int
    units: int
    width: int  # units with padding
    by_rows: bool  # the weights are stored unit by unit

    def pieces(self, W: Weights, scale: Array | None) -> Iterator[Array]:
        """Yield the weights in the order in which they are read, divided by the scale of their unit."""
        rows = slice(self.first, self.first + self.units)
        part = W.part(rows) if scale is None else W.times(rows=1 / scale).part(rows)
        if self.by_rows:
            yield from part.numbers.pieces()
            return
        units = part.shape[0]
        for columns, _, some in part.transposed.parts():
            padded = np.zeros((columns.stop - columns.start, self.width))
            padded[:, :units] = some.array()
            yield padded.reshape(-1)


@dataclass(frozen=True)
class _OwnFactor:
    """``z = factor[i] * x`` of member i."""

    factor: Array


@dataclass(frozen=True)
class _OwnLinear:
    """``z = W x + b`` of member i; all have the same shapes."""

    each: Sequence[Linear]


_Part = Step | _OwnFactor | _OwnLinear


def chain_lines(writer: Writer, chain: Chain, inputs: int, source: str, tag: str = "") -> list[str]:
    """Return the body of the function that computes a chain: from ``source`` to ``y``.

    Args:
        writer: It gets the constants and functions.
        chain: The steps.
        inputs: Number of inputs.
        source: The array that the first step reads; nothing writes into it.
        tag: Names of constants have it before their number.
    """
    return _lines(writer, chain, inputs, source, tag)


def _lines(writer: Writer, steps: Sequence[_Part], inputs: int, source: str, tag: str) -> list[str]:
    one = _ChainWriter(writer, tag)
    one.add_all(steps, inputs, source)
    buffers = [f"{name}[{width}]" for name, width in one.widths.items() if width]
    declared = [f"{writer.names['T']} {', '.join(buffers)};"] if buffers else []
    if any(line.startswith("for (j") for line in one.body):
        declared.append("int j;")
    return [*declared, *one.body]


def _moves(step: _Part) -> bool:
    """Whether the outputs of a step cannot take the place of its inputs."""
    moving = (Linear, Join, Complement, Members, Temperature, _OwnFactor, _OwnLinear)
    return isinstance(step, moving) or _is_softmax(step)


def _is_softmax(step: _Part) -> bool:
    return isinstance(step, Activation) and step.name == "softmax"


class _ChainWriter:
    """Writes the steps of one chain; two buffers take turns."""

    def __init__(self, writer: Writer, tag: str) -> None:
        self.writer, self.tag = writer, tag
        self.body: list[str] = []
        self.joins = 0  # so far
        self.widths = {"a": 0, "b": 0}

    def add_all(self, chain: Sequence[_Part], units: int, place: str) -> None:
        """Write all steps; the last one that moves, and those behind it, write into ``y``."""
        moving = [i for i, step in enumerate(chain) if i == 0 or _moves(step)]
        layers = 0
        for i, step in enumerate(chain):
            source = place
            if i in moving:
                place = "y" if i == moving[-1] else "b" if place == "a" else "a"
                units = _units(step, units)
                if place != "y":
                    self.widths[place] = max(self.widths[place], _whole_vectors(units))
            if isinstance(step, Linear | _OwnLinear):
                layers += 1
                each = [step] if isinstance(step, Linear) else step.each
                self.body.append(f"/* layer {layers}: {each[0].W.shape[1]} to {units} */")
                logits = i + 1 < len(chain) and _is_softmax(chain[i + 1])
                self._layer(f"{self.tag}{layers}", each, logits, source, place)
                continue
            if isinstance(step, Members):
                layers += len(list(linear_steps([step])))
            self._add(step, f"{self.tag}{layers}", units, source, place)

    def _add(self, step: _Part, number: str, units: int, source: str, target: str) -> None:
        if isinstance(step, Join):
            self.joins += 1
            self.body += join_lines(self.writer, step, f"_{self.tag}in{self.joins}", source, target)
        elif isinstance(step, Complement):
            self.body += [f"{target}[0] = 1 - {source}[0];", f"{target}[1] = {source}[0];"]
        elif isinstance(step, Members):
            self._members(step, source, target)
        elif isinstance(step, _OwnFactor):
            factor = self.writer.constant(f"factor{self.tag}", step.factor)
            self.body += [
                f"for (j = 0; j < {units}; ++j)",
                f"    {target}[j] = {source}[j] * {factor}[{units} * i + j];",
            ]
        elif isinstance(step, Temperature):
            self._temperature(step, units, source, target)
        elif isinstance(step, Affine):
            self._affine(number, step, source, target)
        elif isinstance(step, LayerNorm):
            self._layer_norm(number, step, target)
        elif _is_softmax(step):
            self._softmax(units, source, target)
        elif isinstance(step, Activation):
            self._activation(number, step, units, target)
        elif isinstance(step, Bounds):
            self._bounds(number, step, target)

    def _bounds(self, number: str, step: Bounds, y: str) -> None:
        for name, sign, limit in (("low", "<", step.low), ("high", ">", step.high)):
            if limit is not None:
                bound = self.writer.constant(f"{name}{number}", limit)
                self.body += [
                    f"for (j = 0; j < {limit.size}; ++j)",
                    f"    {y}[j] = {y}[j] {sign} {bound}[j] ? {bound}[j] : {y}[j];",
                ]

    def _members(self, step: Members, source: str, target: str) -> None:
        """Write the function of one member, that of their mean, and its call."""
        members, n = step.factor.shape
        pairs = zip(step.last.W.split(members), np.split(step.last.b, members), strict=True)
        last = _OwnLinear([Linear(W, b) for W, b in pairs])
        inner = [_OwnFactor(step.factor), *step.shared, last, *step.output]
        lines = "\n".join(f"    {line}" for line in _lines(self.writer, inner, n, "x", self.tag))
        names = {"tag": self.tag, "count": members, "units": step.units}
        for name, text in (("one", c_code.ONE_OF_MEMBERS), ("all", c_code.MEAN_OF_MEMBERS)):
            self.writer.function(f"{name}_members{self.tag}", self.writer.filled(text, lines=lines, **names))
        self.body.append(f"{self.writer.names['p']}_all_members{self.tag}({source}, {target});")

    def _layer(self, number: str, each: Sequence[Linear], logits: bool, source: str, target: str) -> None:
        """Write the product of a layer; ``each`` has that of all members, or one."""
        units, n = each[0].W.shape
        padding = _whole_vectors(units) - units if logits else 0
        biases = [step.b for step in each]
        if padding and units >= _FEWEST_COLUMNS:  # units whose exponential is 0, with weights 0
            biases = [np.pad(b, (0, padding), constant_values=self._least) for b in biases]
            padding = 0
        tiles = self._tiles(len(biases[0]))
        W, *vectors = self._stored(number, [step.W for step in each], biases, tiles)
        self._product_of_tiles(tiles, n, source, W, vectors, target)
        text = self.writer.literal(self._least)
        self.body += [f"{target}[{j}] = {text};" for j in range(units, units + padding)]

    def _stored(
        self, number: str, weights: list[Weights], biases: list[Array], tiles: list[_Tile]
    ) -> list[str]:
        """Define W, b and the scales of a layer, and return their names; of members, those of member i."""
        writer, width = self.writer, tiles[-1].first + tiles[-1].width
        scales = [W.int8_unit() if writer.int8 else None for W in weights]
        sizes = {"W": sum(tile.width for tile in tiles) * weights[0].shape[1], "b": width, "scale": width}

        def pieces() -> Iterator[Array]:
            for W, scale in zip(weights, scales, strict=True):
                for tile in tiles:
                    yield from tile.pieces(W, scale)

        flat = Numbers((len(weights) * sizes["W"],), pieces)
        names = {"W": (writer.whole if writer.int8 else writer.constant)(f"W{number}", flat)}
        for name, vectors in (("b", biases), ("scale", [scale for scale in scales if scale is not None])):
            if vectors:
                padded = [np.pad(vector, (0, width - len(vector))) for vector in vectors]
                names[name] = writer.constant(f"{name}{number}", np.concatenate(padded))
        if len(weights) == 1:
            return list(names.values())
        for name, full in names.items():
            kind = "signed char" if name == "W" and writer.int8 else writer.names["T"]
            self.body.append(f"const {kind} *{_OWN_NAMES[name]} = {full} + {sizes[name]} * i;")
        return [_OWN_NAMES[name] for name in names]

    def _product_of_tiles(
        self, tiles: list[_Tile], n: int, source: str, W: str, vectors: list[str], target: str
    ) -> None:
        """Write the product in tiles of constant width, or in scalar products if there are few units."""
        full = [tile for tile in tiles if tile.units == tiles[0].units]
        if len(full) > 1:
            call = self._product(
                full[0], n, source, f"{W} + {n} * j", [f"{v} + j" for v in vectors], f"{target} + j"
            )
            width = full[0].units
            self.body += [f"for (j = 0; j < {len(full) * width}; j += {width})", f"    {call}"]
            tiles = tiles[len(full) :]
        for tile in tiles:
            at, start = (f" + {place}" if place else "" for place in (tile.first, n * tile.first))
            there = [v + at for v in vectors]
            if tile.by_rows or tile.width > _SHORT_LOOP:
                self.body.append(self._product(tile, n, source, W + start, there, target + at))
            else:
                self._narrow(tile, n, source, W + start, there, target, at)

    def _narrow(self, tile: _Tile, n: int, x: str, W: str, vectors: list[str], target: str, at: str) -> None:
        """Write the product of a tile with few units: blocks of inputs, whose sums are added in memory."""
        P, width = self.writer.names["P"], tile.width
        y = target + at
        if target == "y" and tile.units < width:  # which has no room for the padding
            y = "b" if x == "a" else "a"
            self.widths[y] = max(self.widths[y], width)
        clear = [f"for (j = 0; j < {width}; ++j)", f"    {element(y)} = 0;"]
        before, start = (clear, y) if self.writer.int8 else ([], vectors[0])
        self.body += before
        whole, rest = divmod(n, _BLOCK_INPUTS)
        if whole:
            name = self._block(width, _BLOCK_INPUTS)
            self.body.append(f"{name}({x}, {W}, {start}, {y});")
            if whole > 1:
                step = f"{x} + {_BLOCK_INPUTS} * j, {W} + {_BLOCK_INPUTS * width} * j, {y}, {y}"
                self.body += [f"for (j = 1; j < {whole}; ++j)", f"    {name}({step});"]
        if rest:
            done = whole * _BLOCK_INPUTS
            ends = f"{x} + {done}, {W} + {done * width}, {y}" if whole else f"{x}, {W}, {start}"
            self.body.append(f"{self._block(width, rest)}({ends}, {y});")
        value = element(y)
        if self.writer.int8:
            b, scale = (element(v) for v in vectors)
            value = f"{P}_MULTIPLY_ADD({scale}, {value}, {b})"
        if value != (final := element(target + at)):
            self.body += [f"for (j = 0; j < {tile.units}; ++j)", f"    {final} = {value};"]

    def _block(self, width: int, inputs: int) -> str:
        """Write the function that multiplies some inputs with few units, and return its name."""
        name, sums = f"block{width}_{inputs}", max(1, min(4, inputs // 4))
        text = c_code.block(name, width, inputs, sums, self.writer.int8, **self.writer.names)
        self.writer.function(name, text)
        return f"{self.writer.names['p']}_{name}"

    def _tiles(self, units: int) -> list[_Tile]:
        """The units of a layer in tiles, whose sums fit into registers."""
        widest = _VECTOR_BYTES // self.writer.dtype.itemsize
        found = []
        for first in range(0, units, widest):
            count = min(widest, units - first)
            by_rows = count < _FEWEST_COLUMNS
            found.append(_Tile(first, count, count if by_rows else _whole_vectors(count), by_rows))
        return found

    def _product(self, tile: _Tile, n: int, x: str, W: str, vectors: list[str], y: str) -> str:
        """Write the function that a tile needs, and return the call."""
        p, arguments = self.writer.names["p"], f"{n}, {x}, {W}, {', '.join(vectors)}, {y}"
        if tile.by_rows:
            lanes = 32 if n >= 64 else 8
            self.writer.function(f"rows{lanes}", c_code.rows(lanes, self.writer.int8, **self.writer.names))
            return f"{p}_rows{lanes}({tile.units}, {arguments});"
        widest = _VECTOR_BYTES // self.writer.dtype.itemsize
        most = min(widest // tile.width, n // _FEWEST_TERMS, 8)
        sums = 1 << max(0, most.bit_length() - 1)
        name = f"columns{tile.units}" + (f"_{sums}" if sums > 1 else "")
        text = c_code.columns(name, tile.units, tile.width, sums, self.writer.int8, **self.writer.names)
        self.writer.function(name, text)
        return f"{p}_{name}({arguments});"

    def _affine(self, number: str, step: Affine, source: str, target: str) -> None:
        centre, factor, shift = (
            self.writer.constant(f"{name}{number}", values)
            for name, values in (("centre", step.centre), ("factor", step.factor), ("shift", step.shift))
        )
        self.body += [
            f"for (j = 0; j < {step.centre.size}; ++j)",
            f"    {target}[j] = ({source}[j] - {centre}[j]) * {factor}[j] + {shift}[j];",
        ]

    def _layer_norm(self, number: str, step: LayerNorm, z: str) -> None:
        gamma, beta = (
            self.writer.constant(f"gamma{number}", step.gamma),
            self.writer.constant(f"beta{number}", step.beta),
        )
        self.writer.function(
            "layer_norm", self.writer.filled(c_code.LAYER_NORM, epsilon=self.writer.literal(EPSILON))
        )
        self.body.append(f"{self.writer.names['p']}_layer_norm({step.gamma.size}, {z}, {gamma}, {beta});")

    @property
    def _least(self) -> float:
        """A number whose exponential is 0."""
        return -float(np.finfo(self.writer.dtype).max) / 4

    def _temperature(self, step: Temperature, units: int, source: str, target: str) -> None:
        """Write the logits of probabilities into a buffer with padding, and their softmax."""
        name = "b" if source == "a" else "a"
        self.widths[name] = max(self.widths[name], _whole_vectors(units))
        least = self.writer.literal(self._least)
        self.writer.function("tempered", self.writer.filled(c_code.TEMPERATURE, least=least))
        factor = self.writer.literal(1 / step.value)
        value = f"{self.writer.names['p']}_tempered({source}[j], {factor})"
        self.body += [f"for (j = 0; j < {units}; ++j)", f"    {name}[j] = {value};"]
        self.body += [f"{name}[{j}] = {least};" for j in range(units, _whole_vectors(units))]
        self._softmax(units, name, target)

    def _softmax(self, units: int, source: str, target: str) -> None:
        self.writer.function("exp_minus", c_code.helper("exp", **self.writer.names))
        self.writer.function("softmax", self.writer.filled(c_code.SOFTMAX))
        self.body.append(f"{self.writer.names['p']}_softmax({units}, {source}, {target});")

    def _activation(self, number: str, step: Activation, units: int, z: str) -> None:
        p = self.writer.names["p"]
        if step.name in c_code.DEPENDS:
            needed = c_code.DEPENDS[step.name]
            self.writer.function(f"{needed}_minus", c_code.helper(needed, **self.writer.names))
        has_parameter = step.name in ("leaky_relu", "elu")  # each layer has its own
        name = f"{step.name}{number}" if has_parameter else step.name
        lines = self.writer.filled(
            c_code.ACTIVATIONS[step.name],
            s=self.writer.literal(step.parameter),
            half=self.writer.literal(0.5),
            root_half=self.writer.literal(np.sqrt(0.5)),
            **{"lambda": self.writer.literal(SELU), "lambda_alpha": self.writer.literal(SELU * SELU_ALPHA)},
        )
        lines = lines if "return" in lines else f"return {lines}"
        T = self.writer.names["T"]
        self.writer.function(
            name, f"{self.writer.names['P']}_INLINE {T} {p}_{name}({T} z)\n{{\n    {lines};\n}}\n"
        )
        value = f"{p}_{name}({z}[j])"
        if step.alpha is not None:
            alpha = self.writer.constant(f"alpha{number}", step.alpha)
            value = f"{z}[j] + ({value} - {z}[j]) * {alpha}[j]"
        self.body += [f"for (j = 0; j < {units}; ++j)", f"    {z}[j] = {value};"]


def _units(step: _Part, before: int) -> int:
    """Number of outputs of a step."""
    if isinstance(step, Linear | _OwnLinear):
        return len(step.b if isinstance(step, Linear) else step.each[0].b)
    if isinstance(step, Join | Members):
        return step.units
    return 2 if isinstance(step, Complement) else before


def _whole_vectors(units: int) -> int:
    """Number of units with padding."""
    return -(-units // _LANES) * _LANES
