"""``deepcore.course.check``: wrong solutions are located with their cause, right ones are not accused."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from course.wrong_solutions import (
    course2,
    further_wrong,
    later_wrong,
    more_right,
    more_wrong,
    namespace,
    other_wrong,
    parse,
    right,
    week2,
    week3,
    week4,
)
from deepcore import course


def solutions(parts, slow=()):
    """Solutions as parameters of a test; the check of one takes a good part of a second."""
    quick = [pytest.param(s, id=f"{s.week}-{s.function}-{s.cause}") for p in parts for s in parse(p.TEXT)]
    more = [
        pytest.param(s, id=f"{s.week}-{s.function}-{s.cause}", marks=pytest.mark.slow)
        for p in slow
        for s in parse(p.TEXT)
    ]
    return quick + more


WRONG = solutions((week2, week3, week4, course2), slow=(more_wrong, other_wrong, further_wrong, later_wrong))
RIGHT = solutions((right,), slow=(more_right,))
HOMEWORK = Path(__file__).resolve().parents[2] / "docs" / "homework.md"
# A combination that no table knows; the homework still names the function and the element.
NOT_EXPLAINED = {("update_lr", "brackets")}


def mine(text: str, name: str):
    """The function that a text defines, alone."""
    known = {"np": np}
    exec(text, known)
    return known[name]


@pytest.mark.parametrize("solution", WRONG)
def test_a_wrong_solution_is_located_with_its_cause(solution):
    result = course.check(solution.week, namespace(solution))
    assert not result.ok
    assert result.function == solution.function
    if (solution.function, solution.cause) not in NOT_EXPLAINED:
        assert solution.cause.lower() in result.cause.lower()


@pytest.mark.parametrize("solution", RIGHT)
def test_a_right_solution_is_not_accused(solution):
    result = course.check(solution.week, namespace(solution))
    assert result.ok, str(result)


def test_there_are_enough_solutions():
    assert len(WRONG) >= 200
    assert len(RIGHT) >= 60
    assert {one.values[0].week for one in WRONG} == {
        "week2",
        "week3",
        "week4",
        "course2_week1",
        "course2_week2",
    }


@pytest.mark.parametrize("week", ["week2", "week3", "week4", "course2_week1", "course2_week2"])
def test_the_functions_of_the_package_pass_their_own_homework(week):
    result = course.check(week, getattr(course, week))
    assert result.ok, str(result)
    assert set(result.missing) <= {"forward_propagation", "backward_propagation"}  # of one dimension


WRONG_LINEAR = """
def linear_forward(A, W, b):
    return np.dot(W, A), (A, W, b)
"""
LAYER = """
def linear_activation_forward(A_prev, W, b, activation):
    Z, linear_cache = linear_forward(A_prev, W, b)
    A = np.maximum(0, Z) if activation == "relu" else 1 / (1 + np.exp(-Z))
    return A, (linear_cache, Z)
"""


def test_a_function_is_not_blamed_for_its_helper():
    result = course.check(
        "week4", linear_activation_forward=mine(WRONG_LINEAR + LAYER, "linear_activation_forward")
    )
    assert result.function == "linear_forward"
    assert "bias" in result.cause


def test_a_function_whose_helper_is_not_defined_yet_is_tried_with_a_right_one():
    assert course.check("week4", linear_activation_forward=mine(LAYER, "linear_activation_forward")).ok


def test_the_first_wrong_function_is_the_helper_even_if_it_is_given_last():
    wrong = {
        "predict": lambda w, b, X: np.zeros(X.shape[1]),
        "sigmoid": lambda z: 1 / (1 + np.exp(z)),
    }
    assert course.check("week2", wrong).function == "sigmoid"


def test_the_result_holds_array_element_expected_and_got():
    def linear_forward(A, W, b):
        Z = W @ A + b
        Z[1, 2] += 1.0
        return Z, (A, W, b)

    result = course.check("week4", linear_forward=linear_forward)
    assert (result.function, result.array, result.element) == ("linear_forward", "Z", (1, 2))
    assert result.got == pytest.approx(result.expected + 1.0)
    assert not result


def test_two_mistakes_are_named_together():
    def propagate(w, b, X, Y):
        A = 1 / (1 + np.exp(-(w.T @ X)))
        cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
        return {"dw": X @ (A - Y).T, "db": np.sum(A - Y)}, cost

    cause = course.check("week2", propagate=propagate).cause
    assert "bias" in cause
    assert "1/m" in cause


@pytest.mark.parametrize("week", [3, "3", "week3", "Week 3"])
def test_a_week_can_be_named_in_several_ways(week):
    assert course.check(week, course.week3).week == "week3"


@pytest.mark.parametrize("form", ["dictionary", "object", "function", "name"])
def test_functions_can_be_passed_in_several_ways(form):
    def sigmoid(z):
        return np.exp(z)

    arguments = {
        "dictionary": ({"sigmoid": sigmoid}, {}),
        "object": (SimpleNamespace(sigmoid=sigmoid), {}),
        "function": (sigmoid, {}),
        "name": (None, {"sigmoid": sigmoid}),
    }
    functions, named = arguments[form]
    assert course.check("week3", functions, **named).function == "sigmoid"


def test_an_unknown_week_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"week must be one of week2, week3, .* got 'week9'"):
        course.check("week9", {})


def test_a_dictionary_without_a_function_of_the_week_is_refused_with_their_names():
    with pytest.raises(ValueError, match="no function of week3 was given; its functions are sigmoid"):
        course.check("week3", {"sigmiod": np.exp})


def test_what_is_right_and_what_is_missing_is_listed():
    result = course.check("week3", sigmoid=course.week3.sigmoid)
    assert result.passed == ("sigmoid",)
    assert "nn_model" in result.missing


def test_the_result_prints_as_lines_of_text():
    text = str(course.check("week2", sigmoid=lambda z: 1 / (1 + np.exp(z))))
    assert text.splitlines()[0] == "week2: sigmoid is wrong"
    assert "element:        [0, 0]" in text
    assert "likely cause:   Wrong sign in the exponent" in text


def test_the_result_has_a_table_for_notebooks_with_escaped_text():
    def sigmoid(z):
        raise ValueError("<b>no</b>")

    html = course.check("week2", sigmoid=sigmoid)._repr_html_()
    assert "<table>" in html
    assert "&lt;b&gt;no&lt;/b&gt;" in html


def test_prints_of_a_function_do_not_reach_the_page(capsys):
    def sigmoid(z):
        print("z =", z)
        return 1 / (1 + np.exp(-z))

    assert course.check("week2", sigmoid=sigmoid).ok
    assert capsys.readouterr().out == ""


def test_arguments_and_the_global_generator_are_put_back():
    np.random.seed(4)
    before = np.random.get_state()[1].copy()
    course.check("week3", initialize_parameters=course.week3.initialize_parameters)
    assert (np.random.get_state()[1] == before).all()


def test_a_function_that_changes_its_argument_is_told_so():
    def update_parameters(parameters, grads, learning_rate=1.2):
        for name in parameters:
            parameters[name] -= learning_rate * grads["d" + name]
        return parameters

    result = course.check("week3", update_parameters=update_parameters)
    assert result.ok
    assert "in place" in result.remarks[0]


def test_a_function_with_other_arguments_is_told_so():
    cause = course.check("week3", predict=lambda X: X).cause
    assert "argument" in cause


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [5, "text", (), [], {}, [None], np.array(["a"]), object()])
def test_a_result_of_any_type_is_judged_without_an_error(wrong):
    for week in ("week2", "week3", "week4", "course2_week1", "course2_week2"):
        module = getattr(course, week)
        for name in course.check(week, module).passed:
            result = course.check(week, {name: lambda *arguments: wrong})
            assert not result.ok
            assert result.function == name
            assert result.cause


def test_parameters_in_another_order_are_named():
    def predict(X, parameters):
        return course.week3.predict(parameters, X)

    assert "Wrong argument order: the function takes (X, parameters)" in course.check("week3", predict).cause


def test_a_week_4_predict_without_labels_passes():
    def predict(X, parameters):
        return course.week4.predict(X, None, parameters)

    assert course.check("week4", predict).ok


def test_parameters_returned_after_the_costs_are_named():
    def L_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
        parameters, costs = course.week4.L_layer_model(X, Y, layers_dims, learning_rate, num_iterations)
        return costs, parameters

    assert "return order" in course.check("week4", L_layer_model).cause


@pytest.mark.skipif(not HOMEWORK.is_file(), reason="the documents are not beside the tests")
@pytest.mark.parametrize("week", ["week2", "week3", "week4", "course2_week1", "course2_week2"])
def test_the_document_lists_the_functions_of_a_week(week):
    (row,) = re.findall(rf"^\| `{week}` \| (.*) \|$", HOMEWORK.read_text(encoding="utf-8"), re.MULTILINE)
    assert tuple(re.findall(r"`(\w+)`", row)) == course.exercises(week)


def test_a_mistake_that_no_table_knows_is_located_and_says_where_to_look():
    def sigmoid_backward(dA, cache):
        return dA / (1 + np.exp(-cache)) * (1 - cache)

    result = course.check("week4", sigmoid_backward)
    assert (result.array, result.element) == ("dZ", (0, 0))
    assert "the derivative and its argument" in result.cause
