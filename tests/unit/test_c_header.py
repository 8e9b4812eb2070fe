"""The C header of a network compiles without warnings as C and as C++, and gives the model's numbers."""

import ctypes
import itertools
import shutil
import subprocess
import tracemalloc

import numpy as np
import pytest

import deepcore as dc
from deepcore import tabular
from deepcore.data import load_idx
from deepcore.files import c_writer, weights

C, CPP = ("-std=c99", "-x", "c"), ("-std=c++11", "-x", "c++")
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
HIDDEN = [name for name in dc.catalog.activations if name not in ("softmax", "linear")]
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]

PROGRAM = """
{includes}
#ifdef __cplusplus
extern "C" {{
#endif
{functions}
#ifdef __cplusplus
}}
#endif
"""
FUNCTION = """
void {p}_of(const void *x, void *y);
int {p}_test(void);
void {p}_of(const void *x, void *y) {{ {p}_predict((const {T} *)x, ({T} *)y); }}
int {p}_test(void) {{ return {p}_selftest(); }}
"""

pytestmark = pytest.mark.skipif(not COMPILERS, reason="no C compiler is installed")
NUMBERS = itertools.count()


def program(dtype, *prefixes):
    """A C file with two functions of each of the headers."""
    T = "float" if dtype == np.float32 else "double"
    includes = [f'#define {p.upper()}_SELFTEST\n#include "{p}.h"' for p in prefixes]
    functions = [FUNCTION.format(p=p, T=T) for p in prefixes]
    return PROGRAM.format(includes="\n".join(includes), functions="\n".join(functions))


def compiled(folder, dtype, *prefixes, compiler=None, language=C, flags=("-O1",)):
    """The library that the headers in a folder become."""
    source, library = folder / "program.c", folder / f"net{next(NUMBERS)}.so"
    source.write_text(program(dtype, *(prefixes or ["net"])))
    command = [compiler or COMPILERS[0], *language, *WARNINGS, *flags, "-shared", "-fPIC", source]
    done = subprocess.run([*command, "-o", library, "-lm"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))


def predicted(library, X, outputs, prefix="net"):
    """The outputs for rows X."""
    one = getattr(library, f"{prefix}_of")
    Y = np.empty((len(X), outputs), X.dtype)
    for x, y in zip(X, Y, strict=True):
        one(x.ctypes.data_as(ctypes.c_void_p), y.ctypes.data_as(ctypes.c_void_p))
    return Y


def trained(model, rng):
    """The model with numbers everywhere that are not at their defaults."""
    for name, view in model.parameters.items():
        view[...] += rng.uniform(-0.3, 0.3, view.shape)
        assert view.size, name
    for name, view in model.running.items():
        view[...] = rng.uniform(0.5, 1.5, view.shape)
        assert view.size, name
    return model


def agrees(models, folder, X):
    """Write, compile, run and compare; a few units in the last place of the largest output."""
    for prefix, model in models.items():
        model.to_c_header(folder / f"{prefix}.h", prefix=prefix)
    first = next(iter(X.values()))
    library = compiled(folder, first.dtype, *models)
    for prefix, model in models.items():
        assert getattr(library, f"{prefix}_test")() == 0, prefix
        expected = model.predict(X[prefix])
        found = predicted(library, X[prefix], model.outputs, prefix)
        bound = 100 * np.finfo(first.dtype).eps * max(1, np.abs(expected).max())
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound, err_msg=prefix)


def test_every_activation_gives_the_numbers_of_the_model(tmp_path, rng, dtype):
    models = {}
    for name in HIDDEN:
        second = "tanh" if name == "exp" else name  # exp of exp overflows
        layers = [dc.Dense(9, name), dc.Dense(5, second), dc.Dense(2, "linear")]
        models[f"f_{name}"] = trained(dc.Model(6, layers, dtype=np.dtype(dtype).name, seed=1), rng)
    X = (2 * rng.normal(size=(50, 6))).astype(dtype)
    agrees(models, tmp_path, dict.fromkeys(models, X))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("language", [C, CPP], ids=["c99", "c++11"])
@pytest.mark.parametrize("flags", ["-O1", pytest.param("-O3", marks=pytest.mark.slow)])
def test_a_network_with_everything_compiles_without_warnings(compiler, language, flags, tmp_path, rng):
    if compiler not in COMPILERS:
        pytest.skip(f"{compiler} is not installed")
    layers = [
        dc.Scale(), dc.Dense(70, "silu", norm="layer", parametric=True, parametrization="ntk"),
        dc.Dropout(0.5), dc.Dense(37, "leaky_relu", parameter=0.2, norm="batch"),
        dc.Dense(9, "elu", parameter=0.5), dc.Dense(3, "softmax"),
    ]  # fmt: skip
    model = trained(dc.Model(13, layers, seed=2), rng)
    X = rng.normal(size=(20, 13)).astype(np.float32)
    for int8 in (False, True):
        model.to_c_header(tmp_path / "net.h", int8=int8)
        library = compiled(tmp_path, X.dtype, compiler=compiler, language=language, flags=(flags,))
        assert library.net_test() == 0
        if not int8:  # three layers of sums in float, in another order
            np.testing.assert_allclose(predicted(library, X, 3), model.predict(X), rtol=0, atol=1e-6)


@pytest.mark.skipif(
    dc.installation.config()["variant"] not in ("v3", "v4"),
    reason="other variants round a multiplication and an addition twice, or depend on the compiler",
)
def test_sums_in_the_order_of_the_core_give_equal_bits(tmp_path, rng, dtype):
    # Layers with one sum per unit: few inputs, or 64 units in float and 32 in double.
    wide = 64 if dtype is np.float32 else 32
    models, X = {}, {}
    for number, sizes in enumerate([[7, 6, 5, 4], [5, wide, wide], [3, 7, 20], [1, 3]]):
        name = f"n{number}"
        models[name] = dc.mlp(sizes, output="linear", dtype=np.dtype(dtype).name, seed=number)
        X[name] = rng.normal(size=(50, sizes[0])).astype(dtype)
        trained(models[name], rng).to_c_header(tmp_path / f"{name}.h", prefix=name)
    library = compiled(tmp_path, np.dtype(dtype), *models, flags=("-O2", "-march=native"))
    for name, model in models.items():
        np.testing.assert_array_equal(
            predicted(library, X[name], model.outputs, name), model.predict(X[name])
        )


@pytest.mark.slow
def test_layers_of_any_width_give_the_numbers_of_the_model(tmp_path, rng, dtype):
    models, X = {}, {}
    for units in (1, 2, 3, 7, 8, 12, 20, 33, 64, 65, 100, 128, 200):
        name = f"n{units}"
        models[name] = dc.mlp([units + 2, units, 2], output="linear", dtype=np.dtype(dtype).name, seed=3)
        X[name] = rng.normal(size=(5, units + 2)).astype(dtype)
    agrees(models, tmp_path, X)


@pytest.mark.parametrize("flags", [("-O1",), ("-O3", "-march=native")])
def test_the_exponential_is_right_to_two_units_in_the_last_place(flags, tmp_path, dtype):
    dc.mlp([2, 2, 3], activation="tanh", dtype=np.dtype(dtype).name).to_c_header(tmp_path / "net.h")
    T = "float" if dtype is np.float32 else "double"
    (tmp_path / "program.c").write_text(
        f'#include "net.h"\nvoid all(int n, const {T} *x, {T} *y, {T} *z);\n'
        f"void all(int n, const {T} *x, {T} *y, {T} *z) {{ int i; for (i = 0; i < n; ++i) {{\n"
        "y[i] = net_exp_minus(x[i]); z[i] = net_expm1_minus(x[i]); } }\n"
    )
    library = tmp_path / "exp.so"
    command = [COMPILERS[0], *flags, "-shared", "-fPIC", tmp_path / "program.c", "-o", library, "-lm"]
    subprocess.run(command, check=True)
    x = np.concatenate([np.linspace(0, 80, 200_001), np.geomspace(1e-8, 1, 10_001)]).astype(dtype)
    found = [np.empty_like(x), np.empty_like(x)]
    places = [array.ctypes.data_as(ctypes.c_void_p) for array in (x, *found)]
    ctypes.CDLL(str(library)).all(len(x), *places)
    exact = [np.exp(-x.astype(np.longdouble)), np.expm1(-x.astype(np.longdouble))]
    for values, right in zip(found, exact, strict=True):
        unit = np.spacing(np.abs(right).astype(dtype))
        assert (np.abs(values - right) / unit).max() < 2


@pytest.mark.slow
def test_every_activation_goes_with_every_output(tmp_path, rng):
    models = {}
    for name in HIDDEN:
        for output in ("sigmoid", "softmax", "exp", "tanh"):
            loss = "squared_error" if output == "tanh" else "auto"
            layers = [dc.Dense(3, name), dc.Dense(2, output)]
            models[f"{name}_{output}"] = dc.Model(2, layers, loss=loss, seed=1)
    agrees(models, tmp_path, dict.fromkeys(models, rng.normal(size=(3, 2)).astype(np.float32)))


def test_exp_goes_with_a_sigmoid(tmp_path, rng):
    models = {"net": dc.Model(2, [dc.Dense(3, "exp"), dc.Dense(2, "sigmoid")], seed=1)}
    agrees(models, tmp_path, {"net": rng.normal(size=(3, 2)).astype(np.float32)})


def test_the_letters_of_a_prefix_are_no_variables(tmp_path, rng):
    # of one layer without an activation: nothing counts units, and an unused counter is a warning
    models = {name: dc.mlp([3, 4], output="linear", seed=1) for name in ("j", "jet", "k")}
    agrees(models, tmp_path, dict.fromkeys(models, rng.normal(size=(3, 3)).astype(np.float32)))


def test_networks_of_one_layer_give_the_numbers_of_the_model(tmp_path, rng):
    sizes = {"one": [3, 1], "some": [200, 100], "many": [2, 500]}
    models = {name: dc.mlp(pair, output="linear", seed=1) for name, pair in sizes.items()}
    X = {name: rng.normal(size=(3, pair[0])).astype(np.float32) for name, pair in sizes.items()}
    agrees(models, tmp_path, X)


def test_the_self_test_of_large_outputs_has_finite_numbers(tmp_path):
    model = dc.Model(2, [dc.Dense(3, "exp"), dc.Dense(1, "exp")], seed=1)
    model.parameters["W1"][...] = model.parameters["W2"][...] = 20
    model.to_c_header(tmp_path / "net.h")
    assert "inf" not in (tmp_path / "net.h").read_text().split("_selftest(void)")[1]
    assert compiled(tmp_path, np.dtype(np.float32)).net_test() == 0


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("together", [False, True], ids=["model", "ensemble"])
def test_outputs_that_the_type_does_not_hold_are_named_with_their_inputs(tmp_path, together, int8):
    def written(value, kind, **options):
        model = dc.mlp([2, 3, 2], activation="relu", output="linear", dtype=kind)
        model.parameters["b1"][...] = model.parameters["W2"][1] = value
        model.parameters["W1"][...] = 1
        model.parameters["b2"][0] = 1  # only the second output is too large
        model.parameters["W2"][0] = 0
        (tmp_path / "net.h").write_text("old")
        (dc.Ensemble([model, model]) if together else model).to_c_header(
            tmp_path / "net.h", int8=int8, **options
        )

    message = r"to_c_header: the outputs must be finite in {}, but output 1 is {} at x = 0; {}"
    cures = "use dtype='float64', or scale the data and train again", "scale the data and train again"
    with pytest.raises(ValueError, match=message.format("float32", r"3e\+60", cures[0])):
        written(1e30, "float32")
    with pytest.raises(ValueError, match=message.format("float64", "inf", cures[1])):
        written(1e200, "float64")
    assert (tmp_path / "net.h").read_text() == "old"
    written(1e30, "float32", dtype="float64")
    assert compiled(tmp_path, np.dtype(np.float64)).net_test() == 0


@pytest.mark.parametrize("together", [False, True], ids=["model", "ensemble"])
def test_int8_weights_are_written_without_a_copy_of_the_network(tmp_path, monkeypatch, together):
    monkeypatch.setattr(weights, "_PIECE", 1 << 12)
    monkeypatch.setattr(c_writer, "_TEXTS", 1 << 8)
    model = dc.mlp([150, 400, 150], dtype="float64", norm="batch", seed=1)
    exported = dc.Ensemble([model]) if together else model
    tracemalloc.start()
    try:
        exported.to_c_header(tmp_path / "net.h", int8=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.5 * model.flat_parameters.nbytes


def embedded_models(dtype):
    """Models of every kind of embedding, with other columns before, between and behind them."""
    wave = {"units": 3, "frequencies": 5}
    edges = [[-1, 0, 0.5, 2], [0, 1]]
    layers = {
        "periodic": [dc.PeriodicEmbedding(2, **wave)],
        "instead": [dc.PeriodicEmbedding(2, passes=False, **wave)],
        "linear": [dc.PiecewiseLinearEmbedding(edges, units=4)],
        "codes": [dc.CategoryEmbedding([3, 5], units=2)],
        "both": [dc.PeriodicEmbedding(3, **wave), dc.CategoryEmbedding([4], units=3), dc.Scale()],
        "pieces": [dc.PiecewiseLinearEmbedding(edges), dc.CategoryEmbedding([2, 9])],
        "all": [dc.PeriodicEmbedding(4, passes=False, **wave)],
    }
    options = {"dtype": np.dtype(dtype).name, "seed": 4}
    hidden = dc.Dense(6, "selu", parametric=True, parametrization="ntk")
    return {name: dc.Model(4, [*first, hidden, dc.Dense(2, "softmax")], **options)
            for name, first in layers.items()}  # fmt: skip


def embedded_inputs(model, rng, m=30):
    """Rows of numbers, and of codes in the last columns."""
    X = rng.normal(size=(m, model.inputs)) * 2
    for one in model.spec.embeddings:
        if isinstance(one, dc.CategoryEmbedding):
            X[:, -one.columns :] = rng.integers(one.sizes, size=(m, one.columns))
    return X.astype(model.dtype)


def test_networks_with_embeddings_give_the_numbers_of_the_model(tmp_path, rng, dtype):
    models = {name: trained(model, rng) for name, model in embedded_models(dtype).items()}
    agrees(models, tmp_path, {name: embedded_inputs(model, rng) for name, model in models.items()})


def test_an_ensemble_gives_the_mean_of_its_models(tmp_path, rng):
    sizes = [[3, 8, 2], [3, 5, 4, 2], [3, 2]]
    models = [dc.mlp(one, output="softmax", seed=seed) for seed, one in enumerate(sizes)]
    X, y = rng.normal(size=(20, 3)).astype(np.float32), rng.integers(2, size=20)
    ensemble = dc.Ensemble([trained(model, rng) for model in models])
    for int8 in (False, True):
        made = ensemble.to_c_header(tmp_path / "net.h", int8=int8, data=(X, y))
        library = compiled(tmp_path, X.dtype)
        assert library.net_test() == 0
        found = predicted(library, X, 2)
        np.testing.assert_allclose(found, ensemble.predict(X), atol=0.02 if int8 else 1e-6)
        assert made.scores["header"]["accuracy"] == pytest.approx(np.mean(found.argmax(axis=1) == y))


def test_what_is_no_code_of_a_category_counts_as_code_0(tmp_path):
    model = dc.Model(2, [dc.CategoryEmbedding([3, 3]), dc.Dense(1, "linear")], seed=1)
    model.to_c_header(tmp_path / "net.h")
    library = compiled(tmp_path, np.dtype(np.float32))
    X = np.array([[-1, 1], [3, 1], [np.nan, 1], [1e30, 1], [0, 1]], np.float32)
    found = predicted(library, X, 1)
    assert (found == found[-1]).all()


def test_int8_weights_of_a_network_with_embeddings_norms_and_scales_are_compared(tmp_path, rng):
    layers = [
        dc.PeriodicEmbedding(2), dc.CategoryEmbedding([4]), dc.Scale(),
        dc.Dense(20, norm="batch", parametrization="ntk"), dc.Dense(3, "softmax"),
    ]  # fmt: skip
    model = trained(dc.Model(4, layers, seed=2), rng)
    X = embedded_inputs(model, rng, 200)
    y = model.predict_labels(X)
    made = model.to_c_header(tmp_path / "net.h", int8=True, data=(X, y))
    library = compiled(tmp_path, X.dtype)
    assert library.net_test() == 0
    right = np.mean(predicted(library, X, 3).argmax(axis=1) == y)
    assert made.scores["model"]["accuracy"] == 1
    assert made.scores["header"]["accuracy"] == pytest.approx(right, abs=1e-6)


def test_large_numbers_saturate_and_nan_stays_nan(tmp_path):
    models = {
        name: dc.mlp([2, 2, 2], activation="tanh", output=name, seed=1) for name in ("sigmoid", "softmax")
    }
    for model in models.values():
        for view in model.parameters.values():
            view[...] = np.sign(view) * 1e4
    X = np.array([[1e3, -1e3], [-1e30, 1e30], [1e-30, 0]], np.float32)
    agrees(models, tmp_path, dict.fromkeys(models, X))
    library = compiled(tmp_path, X.dtype, *models)
    for name in models:
        assert np.isnan(predicted(library, np.full((1, 2), np.nan, np.float32), 2, name)).all()


EXTREMES = """
int main(void) {{
    {T} v[] = {{0, 1, -1, 1e30, -1e30, INFINITY, -INFINITY, NAN, -NAN, 1e-40, 100, -100}}, x[2], y[2];
    int i, j;
    for (i = 0; i < 12; ++i)
        for (j = 0; j < 12; ++j) {{
            x[0] = v[i];
            x[1] = v[j];
{calls}
        }}
    return 0;
}}
"""


@pytest.mark.slow
def test_no_number_is_undefined_behaviour_and_none_hides_nan(tmp_path, dtype):
    calls = []
    for name in HIDDEN:
        layers = [dc.Dense(9, name, norm="layer"), dc.Dense(2, "softmax" if name < "m" else "sigmoid")]
        model = dc.Model(2, layers, dtype=np.dtype(dtype).name, seed=1)
        model.to_c_header(tmp_path / f"{name}.h", prefix=f"f_{name}", int8=name < "h")
        calls.append(f"f_{name}_predict(x, y); if (isnan(x[0]) && !isnan(y[0])) return 1;")
    T = "float" if dtype is np.float32 else "double"
    includes = "".join(f'#include "{name}.h"\n' for name in HIDDEN)
    (tmp_path / "main.c").write_text(includes + EXTREMES.format(T=T, calls="\n".join(calls)))
    sanitizers = ["-fsanitize=undefined,float-cast-overflow", "-fno-sanitize-recover"]
    command = ["gcc", "-O1", *sanitizers, "main.c", "-o", "main", "-lm"]
    if shutil.which("gcc") is None or subprocess.run(command, cwd=tmp_path, check=False).returncode:
        pytest.skip("gcc with sanitizers is not installed")
    subprocess.run([tmp_path / "main"], check=True)


def test_a_model_is_converted_on_request(tmp_path, rng):
    model = dc.mlp([5, 8, 2], dtype="float64", seed=1)
    X = rng.normal(size=(5, 5))
    model.to_c_header(tmp_path / "net.h", dtype="float32")
    found = predicted(compiled(tmp_path, np.dtype(np.float32)), X.astype(np.float32), 2)
    np.testing.assert_allclose(found, model.predict(X), atol=1e-6)


def test_the_self_test_finds_a_changed_weight(tmp_path):
    model = dc.mlp([3, 8, 1], output="linear", seed=1)
    model.to_c_header(tmp_path / "net.h")
    text = (tmp_path / "net.h").read_text()
    first = text.split("net_W1[24] = {\n    ")[1].split(",")[0]
    (tmp_path / "net.h").write_text(text.replace(first, "0.9f", 1))
    assert compiled(tmp_path, np.dtype(np.float32)).net_test() != 0


def test_int8_needs_a_third_of_the_memory_and_tells_what_it_loses(tmp_path):
    X, y = dc.data.load_digits()
    model = dc.mlp([64, 100, 10], seed=0)
    model.fit(X / 16, y, epochs=10)
    data = (X / 16, y)
    whole = model.to_c_header(tmp_path / "a.h", data=data)
    small = model.to_c_header(tmp_path / "net.h", int8=True, data=data)
    assert small.constant_bytes < whole.constant_bytes / 3
    assert whole.scores["header"] == pytest.approx(whole.scores["model"], rel=1e-5)
    assert small.scores["model"] == model.evaluate(*data)
    found = predicted(compiled(tmp_path, np.dtype(np.float32)), (X / 16).astype(np.float32), 10)
    assert np.mean(found.argmax(axis=1) == y) == pytest.approx(small.scores["header"]["accuracy"], abs=1e-3)
    assert abs(small.scores["header"]["accuracy"] - small.scores["model"]["accuracy"]) < 0.005


def test_two_headers_live_in_one_program(tmp_path):
    models = {prefix: dc.mlp([2, 3, 1], seed=1) for prefix in ("one", "two")}
    agrees(models, tmp_path, dict.fromkeys(models, np.ones((1, 2), np.float32)))


@pytest.mark.parametrize("prefix", ["", "1net", "a-b", "_net", "net\n"])
def test_a_prefix_that_is_no_identifier_is_refused(prefix, tmp_path):
    with pytest.raises(ValueError, match="to_c_header: prefix must be letters, digits and _"):
        dc.mlp([2, 3, 1]).to_c_header(tmp_path / "net.h", prefix=prefix)
    assert list(tmp_path.iterdir()) == []


def test_parameters_that_float_does_not_hold_are_refused(tmp_path):
    model = dc.mlp([2, 3, 1], dtype="float64")
    model.parameters["W1"][0, 0] = 1e300
    with pytest.raises(ValueError, match=r"finite in float32, but W1 has 1e\+300; use dtype='float64'"):
        model.to_c_header(tmp_path / "net.h", dtype="float32")
    model.parameters["W1"][0, 0] = np.nan
    with pytest.raises(ValueError, match="to_c_header: parameters must be finite"):
        model.to_c_header(tmp_path / "net.h")


@pytest.mark.parametrize("start", ["0005-01-01", "2020-01-01", "9999-11-01"])
def test_a_table_with_dates_within_two_months_passes_its_self_test(start, tmp_path):
    """float has 24 bits, of which the number of weeks since 1970 takes up to 19."""
    data = {"when": np.datetime64(start) + np.arange(40)}
    columns, label = tabular.Columns.fit(data), tabular.Label.fit(["a", "b"] * 20)
    numbers, codes, _ = columns.apply(data)
    encoding = tabular.Encoding.fit(numbers, codes, columns.sizes)
    member = tabular.TableMember(encoding, dc.mlp([encoding.inputs, 8, 2], output="softmax", seed=1))
    tabular.TableModel(columns, label, [member]).to_c_header(tmp_path / "net.h")
    assert compiled(tmp_path, np.float32).net_test() == 0


def test_a_table_with_columns_of_any_name_and_text_compiles(tmp_path):
    names, words = ["*/ x", "/* \\", '"q"??/', "\u00e9\n"], ["a", '"', "\\", "??/"]
    table = {name: np.arange(40.0) + place for place, name in enumerate(names)}
    table["text"] = np.array(words * 10, object)
    columns, label = tabular.Columns.fit(table), tabular.Label.fit(table["text"])
    numbers, codes, _ = columns.apply(table)
    encoding = tabular.Encoding.fit(numbers, codes, columns.sizes)
    member = tabular.TableMember(encoding, dc.mlp([encoding.inputs, 5, 4], seed=1))
    tabular.TableModel(columns, label, [member]).to_c_header(tmp_path / "net.h")
    for compiler in COMPILERS:
        assert compiled(tmp_path, np.dtype(np.float32), compiler=compiler).net_test() == 0


@pytest.mark.parametrize("chip", ["cortex-m4", "cortex-m0plus"])
@pytest.mark.slow
def test_headers_compile_for_a_microcontroller(chip, tmp_path):
    compiler = shutil.which("arm-none-eabi-gcc")
    if compiler is None:
        pytest.skip("arm-none-eabi-gcc is not installed (Debian: gcc-arm-none-eabi)")
    models = {"net": dc.mlp([4, 16, 3], activation="tanh"), **embedded_models(np.float32)}
    for prefix, model in models.items():
        model.to_c_header(tmp_path / f"{prefix}.h", prefix=prefix, int8=prefix in ("net", "both"))
    (tmp_path / "program.c").write_text(program(np.float32, *models))
    options = {
        "cortex-m4": ["-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-Wdouble-promotion"], "cortex-m0plus": []
    }  # fmt: skip
    command = [compiler, "-std=c99", *WARNINGS, "-O2", f"-mcpu={chip}", "-mthumb", *options[chip]]
    subprocess.run([*command, "-c", "program.c", "-o", "program.o"], check=True, cwd=tmp_path)


@pytest.mark.slow
def test_int8_loses_at_most_half_a_point_on_fashion_mnist(data_file, tmp_path):
    X, y, X_test, y_test = load_idx(data_file("fashion", "t10k-labels-idx1-ubyte.gz").parent)
    X, X_test = (np.asarray(images, np.float32).reshape(len(images), -1) / 255 for images in (X, X_test))
    model = dc.mlp([784, 128, 10], seed=0)
    model.fit(X, y, dc.Adam(1e-3), epochs=8, batch_size=128)
    whole = model.to_c_header(tmp_path / "whole.h")
    small = model.to_c_header(tmp_path / "net.h", int8=True, data=(X_test, y_test))
    assert small.constant_bytes <= whole.constant_bytes / 3
    found = predicted(compiled(tmp_path, np.dtype(np.float32), flags=("-O3",)), X_test, 10)
    accuracy = np.mean(found.argmax(axis=1) == y_test)
    assert small.scores["header"]["accuracy"] == pytest.approx(accuracy, abs=5e-4)
    assert small.scores["model"]["accuracy"] > 0.85
    assert small.scores["model"]["accuracy"] - accuracy <= 0.005
