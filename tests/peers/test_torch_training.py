"""What may be added to training, beside torch in float64: fifty steps of both, each on its own parameters."""

import numpy as np
import pytest

import deepcore as dc

torch = pytest.importorskip("torch", reason="torch is not installed (extra `peers`)")

pytestmark = pytest.mark.peers

STEPS, M = 50, 20


@pytest.fixture(autouse=True)
def double_precision_states():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def examples(classes=3, inputs=6):
    rng = np.random.default_rng(1)
    return rng.normal(size=(M, inputs)), rng.integers(classes, size=M)


def twin(model):
    """The same dense layers in torch, tanh between them; the last one gives logits."""
    layers = []
    for number, layer in enumerate(model.layers, start=1):
        linear = torch.nn.Linear(*model.parameters[f"W{number}"].shape[::-1])
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(model.parameters[f"W{number}"].copy()))
            linear.bias.copy_(torch.tensor(model.parameters[f"b{number}"][:, 0].copy()))
        layers += [linear, torch.nn.Tanh()] if layer.activation == "tanh" else [linear]
    return torch.nn.Sequential(*layers)


def assert_equal(model, net):
    linears = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
    for number, linear in enumerate(linears, start=1):
        W, b = linear.weight.detach().numpy(), linear.bias.detach().numpy()[:, None]
        np.testing.assert_allclose(model.parameters[f"W{number}"], W, rtol=0, atol=1e-9)
        np.testing.assert_allclose(model.parameters[f"b{number}"], b, rtol=0, atol=1e-9)


def small(**options):
    layers = [
        dc.Dense(9, "tanh", **options),
        dc.Dense(5, "tanh", **options),
        dc.Dense(3, "softmax", **options),
    ]
    return dc.Model(6, layers, dtype="float64", seed=2)


@pytest.mark.parametrize("options", [{"clip_norm": 0.05}, {"clip_value": 0.01}], ids=lambda o: next(iter(o)))
def test_clipped_gradients(options):
    model, (X, y) = small(), examples()
    net = twin(model)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=0.02)
    model.fit(X, y, dc.Adam(0.01, weight_decay=0.02, **options), epochs=STEPS, batch_size=None)
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(torch.tensor(X)), torch.tensor(y)).backward()
        if "clip_norm" in options:
            torch.nn.utils.clip_grad_norm_(net.parameters(), options["clip_norm"])
        else:
            torch.nn.utils.clip_grad_value_(net.parameters(), options["clip_value"])
        optimizer.step()
    assert_equal(model, net)


def test_penalties_and_max_norm():
    model, (X, y) = small(l1=0.01, l2=0.1, max_norm=0.7), examples()
    net = twin(model)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
    history = model.fit(X, y, dc.SGD(0.3), epochs=STEPS, batch_size=None)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(torch.tensor(X)), torch.tensor(y))
        for layer in net[::2]:
            loss = loss + 0.05 * layer.weight.square().sum() + 0.01 * layer.weight.abs().sum()
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
        with torch.no_grad():
            for layer in net[::2]:
                norms = layer.weight.norm(dim=1, keepdim=True)
                layer.weight.mul_(torch.where(norms > 0.7, 0.7 / norms, torch.ones(())))
    assert_equal(model, net)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-9)


def test_dropout_with_the_masks_that_the_trace_shows():
    layers = [dc.Dropout(0.2), dc.Dense(9, "relu"), dc.Dropout(0.5), dc.Dense(5, "tanh"), dc.Dropout(0.3)]
    model = dc.Model(6, [*layers, dc.Dense(3, "softmax")], dtype="float64", seed=2)
    X, y = examples()
    masks = []
    for step in range(STEPS):
        trace = model.trace(X, y, step=step)  # masks do not depend on parameters
        masks.append([torch.tensor(trace[f"mask{layer}"].T.copy()) for layer in range(3)])
    net = twin(model)
    linears = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    model.fit(X, y, dc.Adam(0.01), epochs=STEPS, batch_size=None)
    for inputs, first, second in masks:
        optimizer.zero_grad()
        A = torch.relu(linears[0](torch.tensor(X) * inputs)) * first
        A = torch.tanh(linears[1](A)) * second
        torch.nn.functional.cross_entropy(linears[2](A), torch.tensor(y)).backward()
        optimizer.step()
    assert_equal(model, net)


@pytest.mark.parametrize("batch_size", [None, 8])
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_norms(norm, batch_size):
    model = dc.Model(
        6,
        [dc.Dense(9, "relu", norm=norm), dc.Dense(5, "tanh", norm=norm), dc.Dense(3, "softmax")],
        loss="auto",
        dtype="float64",
        seed=2,
    )
    X, y = examples()
    linears = [layer for layer in twin(model) if isinstance(layer, torch.nn.Linear)]
    kind = torch.nn.BatchNorm1d if norm == "batch" else torch.nn.LayerNorm
    norms = [kind(9), kind(5)]
    net = torch.nn.Sequential(
        linears[0], norms[0], torch.nn.ReLU(), linears[1], norms[1], torch.nn.Tanh(), linears[2]
    )
    # not Adam: b below a batch norm has a gradient of rounding only, which Adam would scale up
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    model.fit(X, y, dc.SGD(0.1, momentum=0.9), epochs=STEPS, batch_size=batch_size, shuffle=False)
    net.train()
    for _ in range(STEPS):
        for start in range(0, M, batch_size or M):
            rows = slice(start, start + (batch_size or M))
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(torch.tensor(X[rows])), torch.tensor(y[rows])).backward()
            optimizer.step()
    assert_equal(model, net)
    for number, layer in enumerate(norms, start=1):
        pairs = [("gamma", layer.weight), ("beta", layer.bias)]
        if norm == "batch":
            pairs += [("running_mean", layer.running_mean), ("running_variance", layer.running_var)]
        for name, theirs in pairs:
            ours = {**model.parameters, **model.running}[f"{name}{number}"]
            np.testing.assert_allclose(ours[:, 0], theirs.detach().numpy(), rtol=0, atol=1e-9)
    net.eval()
    with torch.no_grad():
        theirs = torch.softmax(net(torch.tensor(X)), dim=1).numpy()
    np.testing.assert_allclose(model.predict(X), theirs, rtol=0, atol=1e-9)


def test_smoothed_labels():
    X, y = examples()
    model = dc.Model(
        6,
        [dc.Dense(9, "tanh"), dc.Dense(3, "softmax")],
        dtype="float64",
        loss=dc.CrossEntropy(label_smoothing=0.1),
    )
    net = twin(model)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    model.fit(X, y, dc.Adam(0.01), epochs=STEPS, batch_size=None)
    for _ in range(STEPS):
        optimizer.zero_grad()
        logits = net(torch.tensor(X))
        torch.nn.functional.cross_entropy(logits, torch.tensor(y), label_smoothing=0.1).backward()
        optimizer.step()
    assert_equal(model, net)


def test_three_shuffled_epochs_of_mnist_s():
    """784-128-10 in batches of 128 with Adam, from the same parameters and in the same order."""
    rng = np.random.default_rng(3)
    X, y = rng.random((6000, 784)), rng.integers(10, size=6000)
    X[np.arange(6000), y] += 1.0  # something to learn
    model = dc.mlp([784, 128, 10], dtype="float64", seed=4)
    start = [model.parameters[name].copy() for name in ("W1", "b1", "W2", "b2")]
    history = model.fit(X, y, dc.Adam(1e-3), epochs=3, batch_size=128)

    W1, b1, W2, b2 = tensors = [torch.tensor(p, requires_grad=True) for p in start]
    optimizer = torch.optim.Adam(tensors, lr=1e-3)
    losses = []
    for epoch in range(3):
        order = dc._core.permutation(4, epoch, len(X))
        total = 0.0
        for rows in np.split(order, range(128, len(X), 128)):
            logits = W2 @ torch.relu(W1 @ torch.tensor(X[rows].T) + b1) + b2
            loss = torch.nn.functional.cross_entropy(logits.T, torch.tensor(y[rows]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    assert losses[-1] < 0.9 * losses[0]
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-9)
