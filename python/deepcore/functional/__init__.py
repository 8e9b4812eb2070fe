"""The functions of a course on neural networks, one by one, on the compiled kernels.

The course is Andrew Ng's "Neural Networks and Deep Learning", the first one of the Deep Learning
Specialization. Its names and formulas are used throughout: rows are units, and columns are examples.

The results are float64, unless every floating-point array that is passed is float32. Matrices have two
dimensions; rank-1 arrays are refused. Caches are explicit: ``linear_forward`` returns ``(A_prev, W, b)``, and
``linear_activation_forward`` returns ``((A_prev, W, b), Z)``. ``dA{l}`` is the gradient with respect to
``A{l}``, and so on.

Example:
    >>> from deepcore import functional as F
    >>> X, Y = [[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]], [[0, 1, 1, 1]]
    >>> parameters = F.initialize_parameters([2, 3, 1], seed=1)
    >>> costs = []
    >>> for _ in range(200):
    ...     AL, caches = F.model_forward(X, parameters)
    ...     costs.append(F.compute_cost(AL, Y))
    ...     parameters = F.update_parameters(parameters, F.model_backward(AL, Y, caches), learning_rate=0.5)
    >>> costs[-1] < costs[0]
    True
"""

from __future__ import annotations

from deepcore.functional.activations import (
    activation,
    activation_backward,
    activation_derivative,
    relu,
    sigmoid,
    softmax,
    tanh,
)
from deepcore.functional.backward import linear_activation_backward, linear_backward, model_backward
from deepcore.functional.batches import dropout_backward, dropout_forward, mini_batches, one_hot
from deepcore.functional.cost import compute_cost, log_likelihood, loss_backward, weight_penalty
from deepcore.functional.forward import (
    linear_activation_forward,
    linear_forward,
    model_forward,
    predict_labels,
)
from deepcore.functional.initialize import initialize_parameters
from deepcore.functional.shapes import ShapeTable, shape_table
from deepcore.functional.update import (
    initialize_adam,
    initialize_velocity,
    update_parameters,
    update_parameters_with_adam,
    update_parameters_with_momentum,
)

__all__ = [
    "ShapeTable",
    "activation",
    "activation_backward",
    "activation_derivative",
    "compute_cost",
    "dropout_backward",
    "dropout_forward",
    "initialize_adam",
    "initialize_parameters",
    "initialize_velocity",
    "linear_activation_backward",
    "linear_activation_forward",
    "linear_backward",
    "linear_forward",
    "log_likelihood",
    "loss_backward",
    "mini_batches",
    "model_backward",
    "model_forward",
    "one_hot",
    "predict_labels",
    "relu",
    "shape_table",
    "sigmoid",
    "softmax",
    "tanh",
    "update_parameters",
    "update_parameters_with_adam",
    "update_parameters_with_momentum",
    "weight_penalty",
]
