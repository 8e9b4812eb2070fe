"""Every allocation of a call fails in turn: MemoryError or success, and the model stays usable."""

import pytest

CODE = """
watch_allocations()

folder = Path(sys.argv[2])
model, path = make_model(), folder / "model"
model.fit(X, y, epochs=1)
model.save(path)
start, saved = model.snapshot(), path.read_bytes()
other = np.random.default_rng(1).permutation(X)
calls = {
    "fit": lambda: model.fit(X, y, epochs=2, batch_size=8, threads=2),
    "fit with callbacks": lambda: model.fit(X, y, epochs=2, callbacks=[dc.EarlyStopping("loss")], verbose=0),
    "fit_batches": lambda: model.fit_batches([(X, y), (other, y)], "adam"),
    "partial_fit": lambda: model.partial_fit(X, y, dc.SGD(0.1, momentum=0.9, clip_norm=1.0)),
    "predict": lambda: model.predict(X, threads=2),
    "predict again": lambda: [model.predict(X) for _ in range(3)],  # the second call packs the weights
    "predictor": lambda: model.predictor()(X),
    "evaluate": lambda: model.evaluate(X, y),
    "gradients": lambda: dc.SGD(0.1).bind(model).step(model.gradients(X, y)[1]),
    "trace": lambda: model.trace(X, y),
    "copy": lambda: model.copy(),
    "fit_many": lambda: dc.fit_many([model, make_model()], X, y, "adam", epochs=2),
    "schedule": lambda: model.fit(X, y, dc.Adam(dc.Warmup(dc.StepDecay(0.1, every=2), steps=3)), epochs=2),
    "int8": lambda: model.predictor(weights="int8")(X),
    "save": lambda: model.save(path),
    "load": lambda: dc.load(path),
    "new": lambda: make_model(),
}
call = calls[sys.argv[1]]
call()
failed = 0
for at in range(100_000):
    model.restore(start)
    print("allocation", at, file=sys.stderr)
    layer.interpose_memory(at)
    try:
        call()
    except MemoryError:
        failed += 1
    finally:
        seen = layer.interpose_memory_seen()
        layer.interpose_memory(-1)
    if sys.argv[1] == "save":
        assert [entry.name for entry in folder.iterdir()] == ["model"]
        assert np.array_equal(dc.load(path).flat_parameters, start.parameters)
    usable(model)
    if seen <= at:
        break
print(at, failed)
"""
QUICK = ("fit with callbacks", "predict", "save", "load")
SLOW = (
    "fit", "fit_batches", "predict again", "partial_fit", "predictor", "evaluate", "gradients", "trace",
    "copy", "fit_many", "schedule", "int8", "new",
)  # fmt: skip
CALLS = (*QUICK, *(pytest.param(call, marks=pytest.mark.slow) for call in SLOW))

SPARSE = """
from scipy.sparse import csr_matrix
watch_allocations()

wide = dc.Model(300, [dc.Dense(40), dc.Dense(3, "softmax")], seed=1)
dense = np.zeros((24, 300), np.float32)
dense[np.arange(24), np.arange(24) * 7] = 1
S = csr_matrix(dense)
start = wide.snapshot()
calls = {
    "fit": lambda: wide.fit(S, y, epochs=2, batch_size=8, threads=2),
    "predict": lambda: wide.predict(S, threads=2),
}
call = calls[sys.argv[1]]
call()
failed = 0
for at in range(100_000):
    wide.restore(start)
    layer.interpose_memory(at)
    try:
        call()
    except MemoryError:
        failed += 1
    finally:
        seen = layer.interpose_memory_seen()
        layer.interpose_memory(-1)
    assert np.isfinite(wide.predict(S)).all()
    assert wide.fit(S, y, "sgd", epochs=1).epochs == 1
    if seen <= at:
        break
print(at, failed)
"""


@pytest.mark.slow
@pytest.mark.parametrize("call", ["fit", "predict"])
def test_sparse_rows_survive_every_failed_allocation(call, child):
    pytest.importorskip("scipy.sparse", reason="SciPy is not installed (extra `scipy`)")
    allocations, failed = map(int, child(SPARSE, call))
    assert allocations > 0
    assert failed > 0


@pytest.mark.parametrize("call", CALLS)
def test_every_failed_allocation_ends_in_memory_error_and_a_usable_model(call, child, tmp_path):
    (folder := tmp_path / "files").mkdir()
    allocations, failed = map(int, child(CODE, call, folder))
    assert allocations > 0
    assert failed > 0
