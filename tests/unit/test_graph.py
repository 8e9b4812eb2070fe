"""The computation graph of the notes: values, derivatives, edges, drawings, refusals."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import deepcore as dc
from deepcore import graph
from deepcore.graph import Graph, variable

# Central differences with step 1e-6 lose half of float64's digits: an error of about 1e-10 for values near 1.
DIFFERENCE_BOUND = 1e-8


def numerical(build, values, i, step=1e-6):
    """d build / d values[i] by central differences, entry by entry."""
    result = np.zeros(values[i].shape)
    for k in np.ndindex(values[i].shape):
        change = np.zeros(values[i].shape)
        change[k] = step
        up, down = ([v + s * change if j == i else v for j, v in enumerate(values)] for s in (1, -1))
        result[k] = (total(build, up) - total(build, down)) / (2 * step)
    return result


def total(build, values):
    return build(*(variable(v) for v in values)).sum().value


def matrix(*shape, seed=1):
    """Entries between 0.5 and 1.5: no logarithm of a negative number, no kink of relu."""
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


FORMULAS = {
    "add a row": (lambda a, b: a + b, [(3, 4), (1, 4)]),
    "add a column": (lambda a, b: a + b, [(3, 4), (3, 1)]),
    "add a vector": (lambda a, b: b + a, [(3, 4), (4,)]),
    "add a scalar": (lambda a, b: a + b, [(3, 4), ()]),
    "stretch both": (lambda a, b: a * b, [(3, 1), (1, 4)]),
    "subtract": (lambda a, b: (a - b) * (1 - b), [(3, 4), (3, 4)]),
    "multiply": (lambda a, b: a * b * a, [(3, 4), (3, 4)]),
    "divide": (lambda a, b: (a / b) * (2 / b), [(3, 4), (1, 4)]),
    "negate": (lambda a: -a * a, [(3, 4)]),
    "square": (lambda a: a**2, [(3, 4)]),
    "square root": (lambda a: a**0.5, [(3, 4)]),
    "power 0": (lambda a: a**0 * a, [(3, 4)]),
    "matrix product": (lambda a, b: a @ b, [(3, 4), (4, 2)]),
    "matrix times vector": (lambda a, b: a @ b, [(3, 4), (4,)]),
    "vector times matrix": (lambda a, b: a @ b, [(3,), (3, 4)]),
    "dot of vectors": (graph.dot, [(4,), (4,)]),
    "transpose": (lambda a, b: a.T @ b, [(3, 4), (3, 2)]),
    "sum of rows": (lambda a: a.sum(axis=1, keepdims=True) * a, [(3, 4)]),
    "sum of columns": (lambda a: a.sum(axis=0) * a, [(3, 4)]),
    "sum over the last axis": (lambda a: a.sum(axis=-1) ** 2, [(3, 4)]),
    "sum": (lambda a: a.sum() * a, [(3, 4)]),
    "exp": (graph.exp, [(3, 4)]),
    "log": (graph.log, [(3, 4)]),
    "sigmoid": (graph.sigmoid, [(3, 4)]),
    "tanh": (graph.tanh, [(3, 4)]),
    "relu": (lambda a: graph.relu(a - 1.001), [(3, 4)]),
}


@pytest.mark.parametrize(("build", "shapes"), FORMULAS.values(), ids=FORMULAS)
def test_the_derivative_of_every_operation_agrees_with_central_differences(build, shapes):
    values = [matrix(*shape, seed=i) for i, shape in enumerate(shapes)]
    inputs = [variable(v) for v in values]
    J = Graph(build(*inputs).sum())
    for i, node in enumerate(inputs):
        assert np.shape(J.derivative(node)) == shapes[i]
        np.testing.assert_allclose(
            J.derivative(node), numerical(build, values, i), rtol=DIFFERENCE_BOUND, atol=DIFFERENCE_BOUND
        )


def test_the_graph_of_the_notes_has_its_value_and_derivatives():
    a, b = variable(2.0, "a"), variable(1.0, "b")
    e = Graph((a + b) * (b + 1))
    assert (e.value, e.derivative(a), e.derivative(b)) == (6.0, 2.0, 5.0)  # de/da = b + 1, de/db = a + 2b + 1


def test_the_graph_of_the_lecture_has_its_value_and_derivatives():
    a, b, c = variable(5.0, "a"), variable(3.0, "b"), variable(2.0, "c")
    u = b * c
    v = a + u
    J = Graph(3 * v)
    assert (J.value, J.derivative(v), J.derivative(u)) == (33.0, 3.0, 3.0)
    assert (J.derivative(a), J.derivative(b), J.derivative(c)) == (3.0, 6.0, 9.0)


def test_an_edge_carries_the_partial_derivative_of_its_operation_alone():
    a, b = variable(2.0, "a"), variable(1.0, "b")
    c, d = a + b, b + 1
    e = Graph(c * d)
    assert [e.edge_derivative(c, a), e.edge_derivative(c, b), e.edge_derivative(d, b)] == [1.0, 1.0, 1.0]
    assert [e.edge_derivative(e.output, c), e.edge_derivative(e.output, d)] == [2.0, 3.0]


def test_the_derivative_is_the_sum_over_paths_of_the_products_of_the_edges():
    a, b = variable(2.0, "a"), variable(1.0, "b")
    c, d = a + b, b + 1
    e = Graph(c * d)
    through_c = e.edge_derivative(e.output, c) * e.edge_derivative(c, b)
    through_d = e.edge_derivative(e.output, d) * e.edge_derivative(d, b)
    assert e.derivative(b) == through_c + through_d


def test_the_edge_of_a_matrix_product_is_the_matrix_itself():
    W, x = variable(matrix(2, 3), "W"), variable(matrix(3), "x")
    z = W @ x
    np.testing.assert_array_equal(Graph(z).edge_derivative(z, x), W.value)


def test_nodes_come_after_the_nodes_they_were_made_from():
    a, b = variable(2.0, "a"), variable(1.0, "b")
    nodes = Graph((a + b) * (b + 1)).nodes()
    for child in nodes:
        assert all(nodes.index(parent) < nodes.index(child) for parent in child.parents)


def test_edges_are_listed_parent_first_and_once_for_every_use():
    b = variable(3.0, "b")
    square = b * b
    assert Graph(square).edges() == [(b, square), (b, square)]


def test_the_drawing_names_every_node_and_every_arrow():
    a, b = variable(2.0, "a"), variable(1.0, "b")
    drawing = Graph(((a + b) * (b + 1)).named("e")).to_dot()
    assert drawing.startswith("digraph {")
    assert drawing.endswith("}")
    for label in ("a = 2", "b = 1", "a + b = 3", "b + 1 = 2", "e = 6"):
        assert f'[label="{label}"]' in drawing
    assert drawing.count("->") == 6


def test_logistic_regression_through_the_graph_gives_a_minus_y():
    z, y = variable(0.3, "z"), 1.0
    a = graph.sigmoid(z)
    L = Graph(-(y * graph.log(a) + (1 - y) * graph.log(1 - a)))
    # One rounding in each of about five operations.
    assert L.derivative(z) == pytest.approx(a.value - y, rel=1e-15 * 5)


def test_sigmoid_of_large_numbers_does_not_overflow():
    np.testing.assert_array_equal(graph.sigmoid(variable([-1000.0, 0.0, 1000.0])).value, [0.0, 0.5, 1.0])


def test_the_slope_of_relu_at_zero_is_zero():
    z = variable(0.0)
    assert Graph(graph.relu(z)).derivative(z) == 0.0


def test_an_array_on_the_left_of_a_node_gives_one_node():
    node = np.ones((2, 3)) + variable(np.zeros((2, 1)), "b")
    assert node.value.shape == (2, 3)


def test_a_long_chain_needs_no_recursion():
    x = variable(1.0, "x")
    y = x
    for _ in range(3000):
        y = y + 0.0
    assert Graph(y).derivative(x) == 1.0


def test_names_of_repeated_products_stay_short():
    x = variable(1.0, "x")
    for _ in range(60):
        x = x * x
    assert len(x.name) < 100


@pytest.mark.parametrize(
    "build", [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a / b, lambda a, b: a - b]
)
def test_shapes_that_cannot_be_stretched_are_refused_with_both_shapes(build):
    A, B = variable(np.ones((2, 3)), "A"), variable(np.ones((2, 4)), "B")
    with pytest.raises(ValueError, match=r"A . B of shapes \(2, 3\) and \(2, 4\)"):
        build(A, B)


def test_a_product_of_matrices_that_do_not_fit_is_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"columns left = rows right.*\(2, 3\) and \(2, 3\)"):
        variable(np.ones((2, 3)), "A") @ variable(np.ones((2, 3)), "B")


def test_the_product_of_a_scalar_and_a_matrix_is_not_a_matrix_product():
    with pytest.raises(ValueError, match=r"shapes \(\) and \(2, 3\)"):
        variable(2.0, "a") @ variable(np.ones((2, 3)), "B")


def test_the_derivative_of_a_matrix_is_refused():
    A = variable(np.ones((2, 3)), "A")
    with pytest.raises(ValueError, match="must be one number"):
        Graph(A + 1).derivative(A)


def test_the_derivative_by_a_node_of_another_graph_is_refused():
    with pytest.raises(ValueError, match="b is not part of"):
        Graph(variable(1.0, "a") + 1).derivative(variable(1.0, "b"))


def test_an_edge_that_does_not_exist_is_refused():
    a, b = variable(1.0, "a"), variable(1.0, "b")
    c = (a + 1).named("c")
    with pytest.raises(ValueError, match="no edge from b to c"):
        Graph(c * b).edge_derivative(c, b)


def test_nodes_of_an_edge_are_found_by_name():
    a, b = variable(2.0, "a"), variable(3.0, "b")
    graph = Graph((a * b).named("c"))
    assert graph.edge_derivative("c", "a") == 3.0
    with pytest.raises(TypeError, match="graph: node must be a node or its name, got 3"):
        graph.derivative(3)
    with pytest.raises(TypeError, match=r"graph: axis must be a whole number or None, got \(0, 1\)"):
        a.sum(axis=(0, 1))


def test_an_axis_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="axis must be below 2 for A, got 2"):
        variable(np.ones((2, 3)), "A").sum(axis=2)


@pytest.mark.parametrize("value", ["text", 1j, None], ids=["text", "complex", "None"])
def test_only_real_numbers_are_values(value):
    with pytest.raises(TypeError, match="must be a real number"):
        variable(value)


def test_an_exponent_must_be_a_number():
    with pytest.raises(TypeError, match="exponent must be a number"):
        variable(2.0) ** variable(3.0)


def test_formulas_have_brackets_only_where_they_are_needed():
    a, b = variable(1.0, "a"), variable(2.0, "b")
    negative = -a
    written = {
        "log(1 - sigmoid(a * b))": graph.log(1 - graph.sigmoid(a * b)),
        "-(a + b)": -(a + b),
        "a - b - 1": a - b - 1,
        "a - (b - 1)": a - (b - 1),
        "(a + b) * 2": (a + b) * 2,
        "a / (b / 2)": a / (b / 2),
        "(-a) ** 2": (-a) ** 2,
        "(a ** 2) ** 3": (a**2) ** 3,
        "a - (-2)": a - (-2.0),
        "(a + b).T": (a + b).T,
        "-(-a)": -negative,
    }
    for formula, node in written.items():
        assert node.name == formula


def test_a_name_of_several_words_keeps_its_brackets():
    a = variable(1.0, "a")
    assert ((a + 1).named("the sum") * 2).name == "(the sum) * 2"


def test_constants_are_numbers_and_zero_has_no_sign():
    a = variable(0.0, "a")
    drawing = Graph(-(a * 3.0)).to_dot()
    assert '[label="3"]' in drawing
    assert '[label="-(a * 3) = 0"]' in drawing
    assert "-0" not in drawing


def test_the_drawing_shows_the_derivative_beside_each_node():
    a, b = variable(2.0, "a"), variable(3.0, "b")
    drawing = Graph(a * b).to_dot()
    assert '  n1 [label="a = 2"];' in drawing
    assert '  n1 [xlabel="d = 3"];' in drawing


def test_a_name_with_quotation_marks_is_drawn():
    assert r'[label="say \"a\" = 2"]' in Graph(variable(2.0, 'say "a"')).to_dot()


def test_a_graph_shows_its_output_and_size():
    a = variable(1.0, "a")
    assert repr(Graph(a * a)) == "Graph(a * a = 1, 2 nodes)"
    assert repr(a) == "Node(a = 1)"


# Steps, nudges, networks and drawings.


def course_graph():
    a, b, c = variable(5.0, "a"), variable(3.0, "b"), variable(2.0, "c")
    u = (b * c).named("u")
    v = (a + u).named("v")
    return Graph((3 * v).named("J"))


def test_the_steps_say_every_value_forward_and_every_derivative_backward():
    lines = str(course_graph().steps()).splitlines()
    assert lines == [
        "forward", "  b = 3", "  c = 2", "  a = 5", "  u = b * c = 3 * 2 = 6", "  v = a + u = 5 + 6 = 11",
        "  J = 3 * v = 3 * 11 = 33",
        "backward", "  dJ/dJ = 1", "  dJ/dv = dJ/dJ * 3 = 1 * 3 = 3", "  dJ/du = dJ/dv = 3",
        "  dJ/da = dJ/dv = 3", "  dJ/dc = dJ/du * b = 3 * 3 = 9", "  dJ/db = dJ/du * c = 3 * 2 = 6",
    ]  # fmt: skip


def test_the_steps_add_up_the_paths_of_a_shared_input():
    a, b = variable(2.0, "a"), variable(1.0, "b")
    c, d = (a + b).named("c"), (b + 1).named("d")
    assert "de/db = de/dc + de/dd = 2 + 3 = 5" in Graph((c * d).named("e")).steps()


def test_the_written_gradient_of_every_operation_is_the_computed_one():
    scope = {"exp": np.exp, "log": np.log, "tanh": np.tanh, "summed": None}
    for name, (build, shapes) in FORMULAS.items():
        if "sum" in name or "dot" in name or "vector" in name:
            continue
        inputs = [variable(matrix(*shape, seed=i), "ab"[i]) for i, shape in enumerate(shapes)]
        output = build(*inputs).named("out")
        template = output.operation.gradients
        for position, parent in enumerate(output.parents):
            names = {f"p{i}": one.value for i, one in enumerate(output.parents)}
            g = np.full(output.data.shape, 0.7)
            code = template[position].format(*names, g="g", out="out")
            got = eval(code, {}, {**scope, **names, "g": g, "out": output.value})
            expected = output.operation.pullback(g, output.data, *(p.data for p in output.parents))[position]
            np.testing.assert_allclose(got, expected, rtol=1e-12, err_msg=f"{name}: {code}, {parent}")


def test_a_sum_that_is_zero_but_for_rounding_is_written_as_zero():
    q, r = variable(0.1, "q"), variable(0.2, "r")
    assert Graph(q + r - 0.3).value != 0
    assert repr(Graph(q + r - 0.3)) == "Graph(q + r - 0.3 = 0, 5 nodes)"
    tiny = variable(1e-20, "tiny")
    assert (tiny + 0.0).label == "tiny + 0 = 1e-20"


def test_a_nudge_changes_the_output_by_the_derivative_times_the_nudge():
    nudge = course_graph().nudge("a", 0.001)
    assert [change.name for change in nudge.changes] == ["a", "v", "J"]
    assert [change.after for change in nudge.changes] == pytest.approx([5.001, 11.001, 33.003], rel=1e-12)
    assert nudge.ratio == pytest.approx(3, rel=1e-9)
    assert nudge.derivative == 3
    assert "v: 11 -> 11.001 (change 0.001)" in str(nudge)


@pytest.mark.parametrize("index", [np.int64(1), (np.int64(1),), 1])
def test_the_index_of_a_nudge_may_be_an_integer_of_numpy(index):
    x = variable([1.0, 2.0], "x")
    assert Graph((x * x).sum()).nudge(x, index=index).derivative == 4


@pytest.mark.parametrize("index", ["1", 1.0, (1.0,), -1, 2, (0, 0)])
def test_a_nudge_names_an_index_that_is_no_place(index):
    x = variable([1.0, 2.0], "x")
    with pytest.raises(ValueError, match="nudge: index must be a place in x of shape"):
        Graph((x * x).sum()).nudge(x, index=index)


def test_the_graph_of_one_example_takes_several_targets():
    model = dc.Model(2, [dc.Dense(3, "tanh"), dc.Dense(2, "linear")], dtype="float64", seed=1)
    x, y = np.array([1.0, -2.0]), np.array([0.5, 0.25])
    assert Graph.of(model, x, y).value == pytest.approx(model.evaluate([x], [y])["loss"], rel=1e-12)


def test_a_nudge_leaves_the_graph_alone_and_takes_an_element():
    x = variable([[1.0, 2.0]], "x")
    graph_ = Graph((x * x).sum().named("J"))
    nudge = graph_.nudge(x, 1e-6, index=(0, 1))
    assert nudge.changes[0].name == "x[0, 1]"
    assert nudge.ratio == pytest.approx(4, rel=1e-5)
    assert graph_.value == 5.0
    assert list(x.value[0]) == [1.0, 2.0]


def test_a_nudge_of_what_the_output_does_not_use_changes_nothing():
    a = variable(1.0, "a")
    zero = Graph((a * 0.0 + 2.0).named("J")).nudge("a")
    assert (zero.ratio, zero.derivative) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"node": "x", "index": (0, 2)}, r"index must be a place in x of shape \(1, 2\), got \(0, 2\)"),
        ({"node": "x"}, r"index must be a place in x of shape \(1, 2\), got None"),
        ({"node": "x", "index": (0, 0), "by": 0}, "by must be a number that is not 0, got 0"),
        ({"node": "q"}, "node must be a name of one node, got 'q'; there is"),
    ],
)
def test_a_nudge_that_cannot_be_made_is_refused(arguments, message):
    x = variable([[1.0, 2.0]], "x")
    with pytest.raises(ValueError, match=message):
        Graph((x * x).sum()).nudge(**arguments)


@pytest.mark.parametrize("hidden", ["relu", "tanh", "sigmoid", "leaky_relu", "softplus"])
@pytest.mark.parametrize("output", ["sigmoid", "softmax", "linear"])
@pytest.mark.parametrize("m", [1, 5])
def test_the_graph_of_a_model_has_its_loss_and_its_gradients(hidden, output, m):
    model = dc.mlp([3, 4, 2], activation=hidden, output=output, dtype="float64", seed=1)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(m, 3)), rng.integers(2, size=m)
    targets = y if output == "softmax" else np.column_stack([y, 1 - y])
    network = Graph.of(model, X, targets)
    loss, grads = model.gradients(X, targets)
    assert network.value == pytest.approx(loss, rel=1e-12)
    for name, gradient in grads.items():
        # the graph goes through dA[L], whose division costs a few units of the last place
        np.testing.assert_allclose(network.derivative(name[1:]), gradient, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", dc.Huber(0.5), dc.Quantile(0.9)])
def test_the_graph_of_a_model_knows_every_loss(loss):
    model = dc.Model(2, [dc.Dense(3, "tanh"), dc.Dense(1, "linear")], loss=loss, dtype="float64", seed=1)
    network = Graph.of(model, [0.3, -2.0], 0.7)
    loss_value, grads = model.gradients([[0.3, -2.0]], [0.7])
    assert network.value == pytest.approx(loss_value, rel=1e-12)
    np.testing.assert_allclose(network.derivative("W1"), grads["dW1"], rtol=1e-10)


def test_the_graph_of_one_example_is_written_small_and_that_of_several_large():
    model = dc.mlp([2, 3, 1], activation="tanh", seed=1)
    names = [node.name for node in Graph.of(model, [1.0, 2.0], 1).nodes()]
    assert {"x", "z1", "a1", "z2", "a2", "L"} <= set(names)
    names = [node.name for node in Graph.of(model, np.eye(2), [0, 1]).nodes()]
    assert {"X", "Z1", "A1", "Z2", "A2", "J"} <= set(names)


@pytest.mark.parametrize(
    ("layers", "what"),
    [
        ([dc.Dense(3, norm="batch"), dc.Dense(1, "sigmoid")], "batch norm"),
        ([dc.Dense(3, parametric=True), dc.Dense(1, "sigmoid")], "parametric activations"),
        ([dc.Scale(), dc.Dense(1, "sigmoid")], "dc.Scale"),
        ([dc.Dense(1, "sigmoid", parametrization="ntk")], "parametrization='ntk'"),
    ],
)
def test_the_graph_of_a_model_with_other_layers_is_refused(layers, what):
    with pytest.raises(ValueError, match=f"Graph.of: the model must have plain dense layers, got {what}"):
        Graph.of(dc.Model(2, layers), [1.0, 2.0], 1)


def boxes_of(drawing):
    """Corners of the boxes in an SVG, without the background."""
    found = []
    for rect in ET.fromstring(drawing).iter("{http://www.w3.org/2000/svg}rect"):
        if rect.get("rx"):
            x, y, w, h = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
            found.append((x, y, x + w, y + h))
    return found


@pytest.mark.parametrize("sizes", [[2, 1], [2, 3, 1], [3, 4, 4, 2, 1]])
def test_the_boxes_of_a_drawing_do_not_overlap_and_lie_inside_of_it(sizes):
    drawing = Graph.of(dc.mlp(sizes, seed=1), np.ones(sizes[0]), 1).to_svg()
    boxes = boxes_of(drawing)
    assert len(boxes) == 4 * (len(sizes) - 1) + 2
    root = ET.fromstring(drawing)
    left, top, width, height = map(float, root.get("viewBox").split())
    for i, (x0, y0, x1, y1) in enumerate(boxes):
        assert left <= x0 < x1 <= left + width
        assert top <= y0 < y1 <= top + height
        for X0, Y0, X1, Y1 in boxes[i + 1 :]:
            assert x1 <= X0 or x0 >= X1 or y1 <= Y0 or y0 >= Y1


def test_the_text_of_a_box_fits_into_it():
    drawing = course_graph().to_svg()
    svg = "{http://www.w3.org/2000/svg}"
    for group in ET.fromstring(drawing).iter(f"{svg}g"):
        width = float(group.find(f"{svg}rect").get("width"))
        assert all(len(text.text) * 7.3 <= width for text in group.iter(f"{svg}text"))


def test_the_edges_go_from_left_to_right_and_are_all_there():
    graph_ = course_graph()
    starts = re.findall(r'<path d="M([\d.]+) [^"]*?([\d.]+) [\d.]+" fill="none"', graph_.to_svg())
    assert len(starts) == len(graph_.edges())
    assert all(float(start) < float(end) for start, end in starts)


def test_a_drawing_of_the_first_steps_leaves_the_others_open():
    graph_ = course_graph()
    drawing = graph_.to_svg(steps=4)
    assert ">6</text>" in drawing  # u
    assert ">33</text>" not in drawing
    assert "dJ/d" not in drawing
    assert "dJ/dv = 3" in graph_.to_svg(steps=8)
    assert "dJ/du" not in graph_.to_svg(steps=8)


def test_a_drawing_of_a_matrix_without_derivatives_is_made():
    assert "dJ" not in Graph(variable(np.ones((2, 2)), "A") * 2).to_svg()


def test_names_are_escaped_in_a_drawing():
    assert "x &lt; y &amp; z" in Graph(variable(1.0, "x < y & z") * 2)._repr_svg_()


def test_what_is_no_node_and_no_model_is_refused():
    with pytest.raises(TypeError, match="output must be a node"):
        graph.Graph(5)
    for call in (graph.Graph.of, dc.check_gradients):
        with pytest.raises(TypeError, match="the model must be a Model, got int"):
            call(5, np.eye(2), [0, 1])


@pytest.mark.parametrize("name", ["d", "a"])
def test_a_derivative_has_brackets_around_a_denominator_that_is_a_sum(name):
    x, y = variable(3.0, "x"), variable(2.0, name)
    steps = str(Graph((x / (y + 1)).named("J")).steps())
    assert f"dJ/dx = dJ/dJ / ({name} + 1) = 1 / 3 = 0.333333" in steps


def test_a_formula_that_begins_and_ends_with_brackets_gets_a_pair_around_it():
    a, b, c, x = (variable(value, name) for value, name in ((1.0, "a"), (2.0, "b"), (4.0, "c"), (3.0, "x")))
    steps = str(Graph((x / ((a + b) * (c - b))).named("J")).steps())
    assert "dJ/dx = dJ/dJ / ((a + b) * (c - b)) = 1 / 6" in steps
