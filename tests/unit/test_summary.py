"""The table of layers, in a terminal and in a notebook."""

import re

import deepcore as dc

MODEL = dc.mlp([784, 512, 256, 10], activation="relu", output="softmax")


def test_the_table_has_a_row_for_the_input_and_each_layer():
    lines = str(MODEL.summary()).splitlines()
    assert [line.split()[:2] for line in lines[2:6]] == [
        ["0", "784"],
        ["1", "512"],
        ["2", "256"],
        ["3", "10"],
    ]


def test_a_row_shows_activation_shapes_and_number_of_parameters():
    row = str(MODEL.summary()).splitlines()[3]
    assert re.split(r"\s{2,}", row.strip()) == [
        "1", "512", "relu", "(512, 784)", "(512, 1)", "(512, m)", "(512, m)", "401,920",
    ]  # fmt: skip


def test_the_sum_is_the_size_of_the_parameters():
    assert MODEL.summary().parameters == MODEL.flat_parameters.size == 535_818
    assert "535,818 parameters" in str(MODEL.summary())


def test_a_terminal_shows_it_without_print():
    assert repr(MODEL.summary()) == str(MODEL.summary())


def test_a_notebook_shows_the_same_cells():
    summary = MODEL.summary()
    cells = re.findall(r"<td>(.*?)</td>", summary._repr_html_())
    assert cells == [cell for row in summary.rows for cell in row]


def test_a_model_s_repr_says_sizes_activations_loss_and_precision():
    assert repr(MODEL) == (
        "Model(784-512-256-10, relu relu softmax, loss='categorical_cross_entropy', dtype='float32', seed=0)"
    )
