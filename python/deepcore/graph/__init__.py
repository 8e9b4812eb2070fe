"""Computation graphs: values are computed forward, and derivatives backward, as in Andrew Ng's course.

This package is written for reading; the core does not use it. A formula of ``variable`` nodes is the graph.
Every node holds a float64 array; the shape of a scalar is ``()``. Arrays are broadcast as in NumPy. (The
course is "Neural Networks and Deep Learning".)

Example:
    An expression with a shared input, ``e = (a + b)(b + 1)``:

    >>> from deepcore.graph import Graph, variable
    >>> a, b = variable(2.0, "a"), variable(1.0, "b")
    >>> c = (a + b).named("c")
    >>> d = (b + 1).named("d")
    >>> e = Graph((c * d).named("e"))
    >>> e.value, e.derivative(a), e.derivative(b)
    (6.0, 2.0, 5.0)
    >>> e.edge_derivative(c, a), e.derivative(c)
    (1.0, 2.0)

    The example of the course, week 2, ``J = 3(a + bc)``:

    >>> a, b, c = variable(5.0, "a"), variable(3.0, "b"), variable(2.0, "c")
    >>> J = Graph(3 * (a + b * c))
    >>> J.value, J.derivative(a), J.derivative(b), J.derivative(c)
    (33.0, 3.0, 6.0, 9.0)

Source: Linnainmaa (1970); Rumelhart, Hinton & Williams (1986).
"""

from deepcore.graph.graph import Graph
from deepcore.graph.nodes import Node, Operation, dot, exp, log, relu, sigmoid, tanh, variable
from deepcore.graph.nudge import Nudge
from deepcore.graph.steps import Steps

__all__ = [
    "Graph",
    "Node",
    "Nudge",
    "Operation",
    "Steps",
    "dot",
    "exp",
    "log",
    "relu",
    "sigmoid",
    "tanh",
    "variable",
]
