"""JAX: an epoch, or many steps over all examples, in one compiled ``lax.scan``."""

from functools import partial

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

# Steps over all examples in one call. They are many, so that the cost of the call does not matter.
LENGTHS = (100, 10, 1)


def logits(activation, parameters, X):
    """Return the last Z."""
    g = jax.nn.relu if activation == "relu" else jnp.tanh
    for W, b in parameters[:-1]:
        X = g(X @ W + b)
    W, b = parameters[-1]
    return X @ W + b


def cost(activation, parameters, X, y):
    """Return the mean cross-entropy."""
    Z = logits(activation, parameters, X)
    if Z.shape[1] == 1:
        z = Z[:, 0]
        return jnp.mean(jax.nn.softplus(z) - y * z)
    return jnp.mean(jax.nn.logsumexp(Z, axis=1) - jnp.take_along_axis(Z, y[:, None], axis=1)[:, 0])


def update(task, state, gradients):
    """Make one step of the optimizer; the state is parameters, both moments and the number of steps."""
    parameters, means, squares, steps = state
    rate, steps = task.learning_rate, steps + 1
    every = jax.tree.map
    if task.optimizer == "sgd":
        return every(lambda p, g: p - rate * g, parameters, gradients), means, squares, steps
    means = every(lambda m, g: m + 0.1 * (g - m), means, gradients)
    squares = every(lambda v, g: v + 0.001 * (g * g - v), squares, gradients)
    first, second = 1 - 0.9**steps, 1 - 0.999**steps
    parameters = every(
        lambda p, m, v: p - rate / first * m / (jnp.sqrt(v / second) + 1e-8), parameters, means, squares
    )
    return parameters, means, squares, steps


class JaxTrainer:
    def __init__(self, task, problem, threads):
        jax.config.update("jax_enable_x64", problem.X.dtype == np.float64)
        self.task, self.problem = task, problem
        self.X = jnp.asarray(problem.X)
        self.y = jnp.asarray(problem.y.astype(np.int32 if task.sizes[-1] > 1 else problem.X.dtype))
        self.rng = np.random.default_rng(problem.seed)
        gradient = jax.grad(partial(cost, task.activation))

        def step(state, X, y):
            return update(task, state, gradient(state[0], X, y))

        @partial(jax.jit, donate_argnums=0)
        def epoch(state, X, y, order):
            whole = len(order) // task.batch * task.batch
            state, _ = lax.scan(
                lambda state, chosen: (step(state, X[chosen], y[chosen]), None),
                state,
                order[:whole].reshape(-1, task.batch),
            )
            rest = order[whole:]
            return step(state, X[rest], y[rest]) if len(rest) else state

        @partial(jax.jit, donate_argnums=0, static_argnums=3)
        def steps(state, X, y, count):
            return lax.scan(lambda state, _: (step(state, X, y), None), state, length=count)[0]

        self.epoch, self.steps = epoch, steps
        self.reset()
        if task.batch is None:
            self.run(sum(LENGTHS))  # compiles each length

    def reset(self):
        values = [jnp.array(p) for p in self.problem.parameters]
        parameters = list(zip(values[::2], values[1::2], strict=True))
        moments = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)]
        # the step count in the parameters' dtype: 0.9**t is then one rounding away from the exact value
        self.state = (parameters, *moments, jnp.zeros((), self.X.dtype))
        self.orders = list(self.problem.orders)

    def run(self, count):
        if self.task.batch is None:
            left = count
            for length in LENGTHS:
                for _ in range(left // length):
                    self.state = self.steps(self.state, self.X, self.y, length)
                left %= length
        else:
            for _ in range(count):
                # NumPy draws an order many times faster than jax.random
                order = self.orders.pop(0) if self.orders else self.rng.permutation(len(self.X))
                self.state = self.epoch(self.state, self.X, self.y, order.astype(np.int32))
        jax.block_until_ready(self.state)
        return count

    def answer(self):
        return [np.asarray(p) for layer in self.state[0] for p in layer]


class JaxPredictor:
    def __init__(self, task, problem, threads):
        jax.config.update("jax_enable_x64", problem.X.dtype == np.float64)
        values = [jnp.asarray(p) for p in problem.parameters]
        parameters = list(zip(values[::2], values[1::2], strict=True))
        output = jax.nn.sigmoid if task.sizes[-1] == 1 else jax.nn.softmax
        self.X = problem.X  # a caller's array
        self.predict = jax.jit(lambda X: output(logits(task.activation, parameters, X)))

    def reset(self):
        pass

    def run(self, count):
        predict, X = self.predict, self.X
        for _ in range(count):
            predict(X).block_until_ready()
        return count

    def answer(self):
        return np.asarray(self.predict(self.X))
