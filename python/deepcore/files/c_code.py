"""Pieces of C99, which are also C++, of which ``c_header`` makes a file.

In these texts ``$p`` is the prefix of all names, ``$P`` the same in capitals, ``$T`` the type, ``$f`` the
ending of its literals and functions, and other names are given where a piece is used.
"""

from __future__ import annotations

import math
from string import Template
from typing import Any

__all__ = [
    "ACTIVATIONS",
    "DEPENDS",
    "HEAD",
    "LARGEST",
    "LAYER_NORM",
    "MEAN_OF_MEMBERS",
    "MEMBER",
    "ONE_OF_MEMBERS",
    "PREDICT",
    "SELF_TEST",
    "SOFTMAX",
    "STRINGS",
    "TEMPERATURE",
    "block",
    "columns",
    "escaped",
    "filled",
    "helper",
    "quoted",
    "rows",
    "text_bytes",
]


def filled(text: str, **values: object) -> str:
    """Replace the names in a piece."""
    return Template(text).substitute(values)


def text_bytes(text: str) -> bytes:
    """Return a text in UTF-8; bytes that were not UTF-8 when they were read are as they were.

    Raises:
        ValueError: If it is not valid Unicode.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ValueError(
            f"to_c_header: names of columns, categories and classes must be valid Unicode, got {text!a:.80}"
        ) from None


def escaped(byte: int) -> str:
    """Return a byte as it stands in a literal: ASCII characters, or octal escapes."""
    return chr(byte) if 32 <= byte < 127 and chr(byte) not in "\"'\\?" else f"\\{byte:03o}"


def quoted(text: str) -> str:
    """Return a literal of ASCII characters; others become the octal escapes of their bytes in UTF-8."""
    return f'"{"".join(map(escaped, text_bytes(text)))}"'


# Neither has a branch: compilers vectorise the loops that use them.
_HELPERS = {
    "exp": """\
/* exp(-a) for a >= 0, to 2 units in the last place: 2^n (1 + p), where p = exp(r) - 1 and r is between
   -log(2) / 2 and log(2) / 2. 0 * a keeps NaN. */
${P}_INLINE $T ${p}_exp_minus($T a)
{
$reduction
    return scale + scale * p;
}
""",
    "expm1": """\
/* exp(-a) - 1 for a >= 0: 2^n p + (2^n - 1), which does not cancel near 0. 0 * a keeps NaN. */
${P}_INLINE $T ${p}_expm1_minus($T a)
{
$reduction
    return scale * p + (scale - 1);
}
""",
}

# t is the smaller of a and a limit, beyond which exp(-a) is 0 for every purpose; bits of positive numbers are
# ordered like the numbers. Adding 1.5 * 2^mantissa rounds to a whole number, which is then in the low bits.
# p is Taylor's series of exp(r) - 1, cut where the rest is below half a unit in the last place.
_REDUCTION = """\
    $T t, shifted, r, s, p, scale;
    $I bits, excess, n;
    memcpy(&bits, &a, sizeof bits);
    excess = (bits & $positive) - $limit; /* NaN may have a sign */
    bits = $limit + (excess & -($I)((u$I)excess >> $sign));
    memcpy(&t, &bits, sizeof t);
    shifted = t * -$log2e + $shift;
    memcpy(&bits, &shifted, sizeof bits);
    n = bits - $shift_bits;
    r = ((0 * a - t) - ($T)n * $ln2_high) - ($T)n * $ln2_low;
    s = r * r;
    p = $series;
    bits = ($I)((u$I)(n + $bias) << $mantissa);
    memcpy(&scale, &bits, sizeof scale);"""

_CONSTANTS: dict[str, dict[str, Any]] = {
    "float": {
        "I": "int32_t", "positive": "INT32_MAX", "sign": 31, "limit": "0x42ae0000",
        "log2e": "1.44269504f", "shift": "12582912.0f", "shift_bits": "0x4b400000",
        "ln2_high": "0.693359375f", "ln2_low": "-2.12194440e-4f", "bias": 127, "mantissa": 23, "terms": 7,
    },  # the limit is 87
    "double": {
        "I": "int64_t", "positive": "INT64_MAX", "sign": 63, "limit": "INT64_C(0x4086200000000000)",
        "log2e": "1.4426950408889634", "shift": "6755399441055744.0",
        "shift_bits": "INT64_C(0x4338000000000000)",
        "ln2_high": "0.693145751953125", "ln2_low": "1.42860682030941723212e-6", "bias": 1023,
        "mantissa": 52, "terms": 13,
    },  # the limit is 708
}  # fmt: skip


def helper(name: str, **names: object) -> str:
    """Return the function ``exp`` or ``expm1``."""
    constants = dict(_CONSTANTS[str(names["T"])])
    digits = 9 if names["f"] else 17
    coefficients = [
        f"{1 / math.factorial(i):.{digits}g}{names['f']}" for i in range(2, constants["terms"] + 1)
    ]
    pairs = [" + r * ".join(coefficients[i : i + 2]) for i in range(0, len(coefficients), 2)]
    series = pairs[-1]
    for pair in reversed(pairs[:-1]):  # half as many steps wait for each other as in Horner's scheme
        series = f"{pair} + s * ({series})"
    reduction = filled(_REDUCTION, series=f"r + s * ({series})", **names, **constants)
    return filled(_HELPERS[name], reduction=reduction, **names)


#: g(z) as an expression, or as lines that return it; ``$s`` is the parameter. Comparisons keep NaN. What can
#: raise a floating-point exception stands outside of conditions: compilers would not vectorise it there.
ACTIVATIONS = {
    "sigmoid": "const $T e = ${p}_exp_minus(fabs$f(z));\n    return (z < 0 ? e : 1) / (1 + e)",
    "tanh": "const $T e = ${p}_expm1_minus(2 * fabs$f(z));\n    return copysign$f(e / (e + 2), z)",
    "relu": "0 > z ? 0 : z",
    "leaky_relu": "const $T a = $s * z;\n    return z > 0 ? z : a",
    "elu": "const $T a = $s * ${p}_expm1_minus(fabs$f(z));\n    return z > 0 ? z : a",
    "selu": (
        "const $T a = $lambda_alpha * ${p}_expm1_minus(fabs$f(z)), b = $lambda * z;\n    return z > 0 ? b : a"
    ),
    "gelu": "$half * z * erfc$f(-z * $root_half)",
    "silu": "const $T e = ${p}_exp_minus(fabs$f(z));\n    return z * (z < 0 ? e : 1) / (1 + e)",
    "softplus": "(0 > z ? 0 : z) + log1p$f(${p}_exp_minus(fabs$f(z)))",
    "exp": "exp$f(z)",
    "hard_sigmoid": "const $T a = z + 3;\n    return (a < 0 ? 0 : a > 6 ? 6 : a) / 6",
    "hard_tanh": "z < -1 ? -1 : z > 1 ? 1 : z",
    "relu6": "z < 0 ? 0 : z > 6 ? 6 : z",
    # With e = exp(z) and n = e (e + 2), tanh(log(1 + e)) = n / (n + 2). For z > 0, e^2 divides both.
    "mish": (
        "const $T e = ${p}_exp_minus(fabs$f(z)), high = 1 + 2 * e, low = e * (e + 2), square = e * e;\n"
        "    const $T n = z > 0 ? high : low;\n"
        "    return z * (n / (n + 2 * (z > 0 ? square : 1)))"
    ),
    "softsign": "z / (1 + fabs$f(z))",
}

#: Which helper an activation calls.
DEPENDS = {
    "sigmoid": "exp", "silu": "exp", "softplus": "exp", "mish": "exp", "softmax": "exp",
    "tanh": "expm1", "elu": "expm1", "selu": "expm1",
}  # fmt: skip

# A function of its own with arrays in memory: compilers turn the loops over four numbers into vectors.
SOFTMAX = """\
/* exp(z) / sum of exp(z); the largest z is subtracted first, so that nothing overflows. Behind its n numbers
   z has padding, up to a multiple of four, which is so small that its exp is 0. z changes. */
static ${P}_NOINLINE void ${p}_softmax(int n, $T *${P}_RESTRICT z, $T *${P}_RESTRICT y)
{
    $T four[4], largest, sum;
    int i, j;
    for (i = 0; i < 4; ++i)
        four[i] = z[i];
    for (j = 4; j < n; j += 4)
        for (i = 0; i < 4; ++i)
            four[i] = z[j + i] > four[i] ? z[j + i] : four[i];
    for (i = 0; i < 2; ++i)
        four[i] = four[i + 2] > four[i] ? four[i + 2] : four[i];
    largest = four[1] > four[0] ? four[1] : four[0];
    for (j = 0; j < n; j += 4)
        for (i = 0; i < 4; ++i)
            z[j + i] = ${p}_exp_minus(largest - z[j + i]);
    for (i = 0; i < 4; ++i)
        four[i] = z[i];
    for (j = 4; j < n; j += 4)
        for (i = 0; i < 4; ++i)
            four[i] += z[j + i];
    sum = (four[0] + four[2]) + (four[1] + four[3]);
    for (j = 0; j < n; ++j)
        y[j] = z[j] / sum;
}
"""

LAYER_NORM = """\
/* Mean 0 and variance 1 over the units, then gamma and beta. */
${P}_INLINE void ${p}_layer_norm(int n, $T *z, const $T *gamma, const $T *beta)
{
    $T mean = 0, variance = 0, inverse;
    int j;
    for (j = 0; j < n; ++j)
        mean += z[j];
    mean /= ($T)n;
    for (j = 0; j < n; ++j)
        variance += (z[j] - mean) * (z[j] - mean);
    inverse = 1 / sqrt$f(variance / ($T)n + $epsilon);
    for (j = 0; j < n; ++j)
        z[j] = (z[j] - mean) * inverse * gamma[j] + beta[j];
}
"""

# The logarithm of 0 would be infinite; a number whose exponential is 0 stands for it.
TEMPERATURE = """\
/* The logits whose softmax is p, multiplied by a factor. NaN stays NaN. */
${P}_INLINE $T ${p}_tempered($T p, $T factor)
{
    return p == 0 ? $least : log$f(p) * factor;
}
"""

# The bias is added last, as in the compiled core: with one sum per unit the bits are those of Python, if the
# processor rounds a multiplication and an addition once. The sums stay in registers: compilers unroll the
# loops over a constant number of units.
_COLUMNS = """\
/* y = b + W x for $units units. W holds the weights of one input after the other: y += x[k] * W[k]. */
${P}_INLINE void ${p}_$name(int n, const $T *x, const $weight *W, $vectors, $T *y)
{
    $T $sums;
    int j, k = 0;
$start
$loop
    for (; k < n; ++k, W += $w)
        for (j = 0; j < $w; ++j)
            s0[j] = ${P}_MULTIPLY_ADD(x[k], ($T)W[j], s0[j]);
    for (j = 0; j < $units; ++j)
        y[j] = $result;
}
"""

# Few units: each is a scalar product of two contiguous vectors.
_ROWS = """\
/* y = b + W x, each unit in $w partial sums. W holds the weights of one unit after the other. */
${P}_INLINE void ${p}_rows$w(int units, int n, const $T *x, const $weight *W, $vectors, $T *y)
{
    int i, j, k;
    for (i = 0; i < units; ++i, W += n) {
        $T s[$w] = {0}, sum = 0;
        for (k = 0; k < n - n % $w; k += $w)
            for (j = 0; j < $w; ++j)
                s[j] = ${P}_MULTIPLY_ADD(x[k + j], ($T)W[k + j], s[j]);
        for (; k < n; ++k)
            sum = ${P}_MULTIPLY_ADD(x[k], ($T)W[k], sum);
$reduce
        y[i] = $result;
    }
}
"""


_BLOCK = """\
/* y = start + W x for $units units and $n inputs. W holds the weights of one input after the other. */
${P}_INLINE void ${p}_$name(const $T *${P}_RESTRICT x, const $weight *${P}_RESTRICT W, const $T *start, $T *y)
{
    int j;
    for (j = 0; j < $units; ++j)
        y[j] = $sum;
}
"""


def block(name: str, units: int, inputs: int, sums: int, int8: bool, **names: object) -> str:
    """Return the function for a product of few units and few inputs, without a loop over the inputs.

    Compilers replace short loops with scalar variables, which they no longer vectorise; an expression per
    unit that ends in memory becomes vectors.

    Args:
        name: Its name, without the prefix.
        units: Number of units, known when the file is compiled; whole vectors.
        inputs: Number of inputs.
        sums: Independent partial sums per unit.
        int8: The weights are whole numbers.
        names: The names that all pieces need.
    """
    cast = f"({names['T']})" if int8 else ""
    totals = [""] * sums
    for k in range(inputs):
        weight = f"{cast}W[{units * k} + j]"
        term, before = f"x[{k}]", totals[k % sums]
        totals[k % sums] = (
            f"${{P}}_MULTIPLY_ADD({term}, {weight}, {before})" if before else f"{term} * {weight}"
        )
    text = filled(f"start[j] + ({_tree(totals)})", **names)
    return filled(_BLOCK, name=name, units=units, n=inputs, sum=text, **_weights(int8, **names))


def columns(name: str, units: int, width: int, sums: int, int8: bool, **names: object) -> str:
    """Return the function for a product with ``units`` units, in ``sums`` partial sums per unit.

    Args:
        name: Its name, without the prefix.
        units: Number of units, known when the file is compiled.
        width: The same with padding: whole vectors.
        sums: Independent partial sums per unit: one chain of additions alone would wait for each sum.
        int8: The weights are whole numbers with a scale per unit.
        names: The names that all pieces need.
    """
    start = [f"s{t}[j] = 0;" for t in range(sums)]
    body = [
        f"            s{t}[j] = ${{P}}_MULTIPLY_ADD(x[k + {t}], ($T)W[{width * t} + j], s{t}[j]);"
        for t in range(sums)
    ]
    loop = f"    for (; k < n - n % {sums}; k += {sums}, W += {width * sums})\n"
    loop += f"        for (j = 0; j < {width}; ++j) {{\n"
    total = _tree([f"s{t}[j]" for t in range(sums)])
    return filled(
        _COLUMNS,
        name=name,
        units=units,
        w=width,
        sums=", ".join(f"s{t}[{width}]" for t in range(sums)),
        start=f"    for (j = 0; j < {width}; ++j) {{\n"
        + "\n".join(f"        {line}" for line in start)
        + "\n    }",
        loop=filled(loop + "\n".join(body) + "\n        }", **names) if sums > 1 else "",
        result=f"b[j] + scale[j] * ({total})" if int8 else f"b[j] + ({total})",
        **_weights(int8, **names),
    ).replace("\n\n", "\n")


def rows(lanes: int, int8: bool, **names: object) -> str:
    """Return the function for a product with few units, in ``lanes`` partial sums per unit (a power of 2)."""
    half, reduce = lanes // 2, []
    while half:
        reduce += [f"        for (j = 0; j < {half}; ++j)", f"            s[j] += s[j + {half}];"]
        half //= 2
    return filled(
        _ROWS,
        w=lanes,
        reduce="\n".join([*reduce, "        sum += s[0];"]),
        result="b[i] + scale[i] * sum" if int8 else "b[i] + sum",
        **_weights(int8, **names),
    )


def _weights(int8: bool, **names: object) -> dict[str, object]:
    vectors = f"const {names['T']} *b" + (f", const {names['T']} *scale" if int8 else "")
    return {**names, "weight": "signed char" if int8 else names["T"], "vectors": vectors}


def _tree(terms: list[str]) -> str:
    """A sum in which terms are added in pairs."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    left, right = _tree(terms[:middle]), _tree(terms[middle:])
    return f"({left}) + ({right})" if len(terms) > 2 else f"{left} + {right}"


SELF_TEST = """\
#ifdef ${P}_SELFTEST
/* Returns 0 if $count examples give the outputs of Python, else the number of the first that does not. */
static inline int ${p}_selftest(void)
{
    static const $T x[$count][${P}_INPUTS] = $x;
    static const $T y[$count][${P}_OUTPUTS] = $y;
    $T found[${P}_OUTPUTS];
    int i, j;
    for (i = 0; i < $count; ++i) {
        ${p}_predict(x[i], found);
        for (j = 0; j < ${P}_OUTPUTS; ++j)
            if (!(fabs$f(found[j] - y[i][j]) <= $tolerance))
                return i + 1;
    }
    return 0;
}
#endif
"""

HEAD = """\
/* $title, written by deepcore $version.

   C99 that is C++ too. It allocates nothing and has no state: any number of threads may call it.
   Weights: $weights; $bytes bytes of constants.

       $T x[${P}_INPUTS] = {...}, y[${P}_OUTPUTS];
       ${p}_predict(x, y);

   With ${P}_SELFTEST defined, ${p}_selftest() returns 0 if the numbers are those of Python. */
#ifndef ${guard}_H
#define ${guard}_H

$includes

#if defined(__GNUC__)
#define ${P}_INLINE static inline __attribute__((always_inline))
#define ${P}_NOINLINE __attribute__((noinline, unused))
#define ${P}_RESTRICT __restrict
#else
#define ${P}_INLINE static inline
#define ${P}_NOINLINE
#define ${P}_RESTRICT
#endif

#define ${P}_INPUTS $inputs
#define ${P}_OUTPUTS $outputs

/* a * b + c, rounded once where the processor has an instruction for it. */
#if defined($fast) || defined(__$fast)
#define ${P}_MULTIPLY_ADD(a, b, c) fma$f(a, b, c)
#else
#define ${P}_MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif
"""

MEMBER = """\
/* Outputs of one of the networks. */
static inline void ${p}_member$number(const $T *x, $T *y)
{
$lines
}
"""

ONE_OF_MEMBERS = """\
/* Outputs of member i of $count networks that share all weights but their factors and last layers. */
static inline void ${p}_one_member$tag(int i, const $T *x, $T *y)
{
$lines
}
"""

MEAN_OF_MEMBERS = """\
/* The mean of the outputs of $count members. */
static inline void ${p}_all_members$tag(const $T *x, $T *y)
{
    $T own[$units];
    int i, j;
    ${p}_one_member$tag(0, x, y);
    for (i = 1; i < $count; ++i) {
        ${p}_one_member$tag(i, x, own);
        for (j = 0; j < $units; ++j)
            y[j] += own[j];
    }
    for (j = 0; j < $units; ++j)
        y[j] /= $count;
}
"""

PREDICT = """\
/* Outputs y of one example x; the two must not overlap. */
static inline void ${p}_predict(const $T *x, $T *y)
{
$lines
}
"""

LARGEST = """\
/* Number of the most probable class, from 0. */
static inline int ${p}_class(const $T *y)
{
    int best = 0, j;
    for (j = 1; j < ${P}_OUTPUTS; ++j)
        if (y[j] > y[best])
            best = j;
    return best;
}
"""

STRINGS = """\
/* $what */
static inline const char *${p}_$name(int i)
{
    static const char *const names[$count] = {
        $texts
    };
    return names[i];
}
"""
