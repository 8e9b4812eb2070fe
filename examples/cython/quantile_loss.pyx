"""A training whose loss is written in Cython: the pinball loss, whose minimum is a quantile of y.

    import deepcore as dc, quantile_loss
    model = dc.mlp([3, 32, 1], output="linear", dtype="float64")
    losses = quantile_loss.fit(model, dc.Adam(0.01).bind(model), X, y, quantile=0.9, steps=200)
"""

import numpy as np

from deepcore cimport capi
from libc.stdint cimport int64_t


cdef struct Target:
    const double *y
    double quantile


cdef double pinball(void *context, int64_t example, const void *a, void *da) noexcept nogil:
    """The loss of one example with the output a, and its derivative; deepcore calls it in several threads."""
    cdef Target *target = <Target *>context
    cdef double error = target.y[example] - (<const double *>a)[0]
    cdef double slope = -target.quantile if error > 0 else 1 - target.quantile
    (<double *>da)[0] = slope
    return -error * slope


def fit(model, optimizer, const double[:, ::1] X, const double[::1] y, double quantile, int steps):
    """Train with all examples in every step, and return the loss before each step.

    Args:
        model: A float64 model with 1 output.
        optimizer: A bound optimizer, such as ``dc.Adam(0.01).bind(model)``.
        X: (m, n_x).
        y: (m,).
        quantile: Above 0 and below 1.
        steps: Number of steps.
    """
    cdef const capi.deepcore_api *api = capi.deepcore_import()
    cdef capi.deepcore_network *network = NULL
    cdef capi.deepcore_optimizer *rule = NULL
    cdef capi.deepcore_info info
    cdef capi.deepcore_examples examples
    cdef capi.deepcore_step step
    cdef Target target
    cdef double[::1] gradient, losses = np.empty(steps)
    cdef int64_t t
    try:
        network = capi.network_of(api, model)
        rule = capi.optimizer_of(api, optimizer)
        capi.check(api, api.network_info(network, &info))
        if info.inputs != X.shape[1] or info.outputs != 1 or y.shape[0] != X.shape[0]:
            raise ValueError("fit: model must have the columns of X as inputs and 1 output, and y the rows of X")
        gradient = np.empty(info.parameter_count)
        target.y, target.quantile = &y[0], quantile
        examples.dtype, examples.rows = capi.DEEPCORE_FLOAT64, X.shape[0]
        examples.X, examples.X_row_stride, examples.X_column_stride = &X[0, 0], X.shape[1], 1
        examples.labels, examples.y, examples.weights = NULL, NULL, NULL
        examples.loss, examples.loss_context = pinball, &target
        step.seed = 0
        with nogil:
            for t in range(steps):
                step.step = t  # the dropout masks of a step depend on its number
                capi.check(api, api.gradient(
                    network, &examples, &step, 0, &losses[t], &gradient[0], info.parameter_count))
                capi.check(api, api.optimizer_step(rule, network, &gradient[0], info.parameter_count))
        return np.asarray(losses)
    finally:
        api.optimizer_free(rule)
        api.network_free(network)
