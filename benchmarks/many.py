"""Compare ways to train many small networks: one after the other, or at once with fit_many, joblib or torch.

    python benchmarks/many.py [--peers joblib,torch]

The networks are 30-64-32-1 with their own seeds, trained on one table. The program first checks
that all ways give the same parameters, and those of deepcore the same bits; then each round times
every way once. torch.func.vmap trains all networks as one stack.
"""

import argparse
import os
import time

import numpy as np
from report import describe_machine, table

import deepcore as dc
from deepcore import _core
from deepcore.bench import summary

OPTIONS = {"epochs": 5, "batch_size": 256}
RATE = 1e-3


def make_networks(count):
    return [dc.mlp([30, 64, 32, 1], seed=seed) for seed in range(count)]


def ways(X, y, threads, peers=()):
    """Return functions that train a list of networks, by name."""

    def fit(model, limit):
        model.fit(X, y, dc.Adam(RATE), threads=limit, **OPTIONS)

    def one_by_one(limit):
        def train(models):
            for model in models:
                fit(model, limit)

        return train

    def with_joblib(models):
        from joblib import Parallel, delayed

        Parallel(n_jobs=threads, prefer="threads")(delayed(fit)(model, 1) for model in models)

    def all_at_once(models):
        optimizers = [dc.Adam(RATE) for _ in models]
        dc.fit_many(models, X, y, optimizers, threads=threads, **OPTIONS)

    found = {
        "one after the other, 1 thread": one_by_one(1),
        "one after the other, default": one_by_one(None),
        f"one after the other, {threads} threads": one_by_one(threads),
        f"fit_many, {threads} threads": all_at_once,
    }
    if "joblib" in peers:
        found[f"joblib, {threads} threads"] = with_joblib
    if "torch" in peers:
        found[f"torch.func.vmap, {threads} threads"] = with_torch(X, y, threads)
    return found


def with_torch(X, y, threads):
    """Return a function that trains the networks as one stack, with torch.func.vmap over their parameters."""
    import torch
    from torch.func import grad, vmap

    torch.set_num_threads(threads)
    X, y = torch.from_numpy(X), torch.from_numpy(y.astype(np.float32))
    names = ("W1", "b1", "W2", "b2", "W3", "b3")

    def loss(parameters, x, target):
        a = x
        for W, b in (parameters[0:2], parameters[2:4]):
            a = torch.relu(a @ W.T + b[:, 0])
        W, b = parameters[4:6]
        z = (a @ W.T + b[:, 0])[:, 0]
        return torch.nn.functional.binary_cross_entropy_with_logits(z, target)

    gradients = vmap(grad(loss), in_dims=(0, 0, 0))

    def train(models):
        stack = tuple(torch.from_numpy(np.stack([m.parameters[name] for m in models])) for name in names)
        for p in stack:
            p.requires_grad_()
        adam = torch.optim.Adam(stack, lr=RATE, eps=1e-8, fused=True)
        for epoch in range(OPTIONS["epochs"]):
            orders = np.stack([_core.permutation(model.seed, epoch, len(X)) for model in models])
            for rows in torch.from_numpy(orders).split(OPTIONS["batch_size"], dim=1):
                found = gradients(tuple(p.detach() for p in stack), X[rows], y[rows])
                for p, g in zip(stack, found, strict=True):
                    p.grad = g
                adam.step()
        for name, p in zip(names, stack, strict=True):
            for model, values in zip(models, p.detach().numpy(), strict=True):
                model.parameters[name][...] = values

    return train


def check_answers(chosen, count):
    """Exit unless every way gives the same parameters: torch to rounding, the others to the last bit."""
    found = {}
    for name, train in chosen.items():
        models = make_networks(min(count, 3))
        train(models)
        found[name] = np.stack([model.flat_parameters for model in models])
    first = next(iter(found.values()))
    for name, parameters in found.items():
        if not np.allclose(parameters, first, rtol=0, atol=0.02 if name.startswith("torch") else 0):
            raise SystemExit(f"many: {name} does not give the same parameters")


def time_ways(chosen, count, rounds):
    """Return lists of seconds and of processor seconds by way."""
    seconds = {name: [] for name in chosen}
    processor = {name: [] for name in chosen}
    for _ in range(rounds):
        for name, train in chosen.items():
            models = make_networks(count)
            start, cpu = time.perf_counter(), time.process_time()
            train(models)
            seconds[name].append(time.perf_counter() - start)
            processor[name].append(time.process_time() - cpu)
    return seconds, processor


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=32)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--peers", default="", help="of joblib and torch, separated by a comma")
    options = parser.parse_args(argv)
    rng = np.random.default_rng(1)
    X = rng.standard_normal((options.examples, 30), dtype=np.float32)
    y = rng.integers(2, size=options.examples)
    chosen = ways(X, y, options.threads, options.peers.split(","))
    check_answers(chosen, options.networks)
    seconds, processor = time_ways(chosen, options.networks, options.rounds)
    machine = describe_machine()
    print(f"{machine['cpu']}, load {machine['load_before'][0]:.1f}, {machine['command']}")
    rows = [
        [name, *(f"{summary(times[name])['median']:.3f}" for times in (seconds, processor))]
        for name in chosen
    ]
    print(table(["way", "seconds", "processor seconds"], rows))


if __name__ == "__main__":
    main()
