"""What docs/from_pytorch.md says of PyTorch: copied weights give the same outputs, and train the same."""

import numpy as np
import pytest

import deepcore as dc

torch = pytest.importorskip("torch", reason="torch is not installed (extra `peers`)")

pytestmark = pytest.mark.peers


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2), torch.nn.Sigmoid()
    ).double()


def copy_of(theirs):
    model = dc.mlp([3, 4, 2], activation="tanh", output="sigmoid", dtype="float64")
    arrays = [tensor.numpy() for tensor in theirs.state_dict().values()]
    for layer, (W, b) in enumerate(zip(arrays[::2], arrays[1::2], strict=True), start=1):
        model.parameters[f"W{layer}"] = W
        model.parameters[f"b{layer}"] = b[:, np.newaxis]
    return model


def test_a_copied_state_dict_gives_the_same_outputs():
    theirs = network()
    X = np.random.default_rng(1).normal(size=(10, 3))
    expected = theirs(torch.tensor(X)).detach().numpy()
    # a dozen multiply-adds and two functions in double precision
    np.testing.assert_allclose(copy_of(theirs).predict(X), expected, rtol=1e-13)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_a_data_loader_trains_both_the_same(weight_decay):
    theirs = network()
    ours = copy_of(theirs)
    random = np.random.default_rng(2)
    X = torch.tensor(random.normal(size=(50, 3)))
    Y = torch.tensor(random.integers(2, size=(50, 2)).astype(float))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=8)
    total_steps = 3 * len(loader)
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=weight_decay)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps, cycle_momentum=False)
    for _ in range(3):
        for x, y in loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy(theirs(x), y, reduction="sum") / len(x)
            loss.backward()
            optimizer.step()
            scheduler.step()
    ours.fit_batches(loader, dc.AdamW(dc.OneCycle(0.01, total_steps), weight_decay=weight_decay), epochs=3)
    for found, expected in zip(copy_of(theirs).parameters.values(), ours.parameters.values(), strict=True):
        # two ways to round, 21 steps
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
