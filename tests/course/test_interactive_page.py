"""The page docs/interactive/backpropagation.html in a real browser, compared with vectors of the course."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

import deepcore as dc
from course import vectors

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "interactive" / "backpropagation.html"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the documents are not next to the tests")
in_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed (Debian: chromium)")

# Each vector that the page's functions can compute: JavaScript that reads v.args and returns v.expected.
CALLS = {
    "linear_forward": "({Z: linearForward(a.A, a.W, a.b)})",
    "linear_backward": """(() => {
        const {dA_prev, dW, db} = linearBackward(a.dZ, a.A_prev, a.W); return {dA_prev, dW, db}; })()""",
    "forward_propagation": """(() => {
        const v = compute({sizes: sizes(a.parameters), hidden: "tanh", parameters: a.parameters, X: a.X,
                           Y: a.X.slice(0, 1)});
        return {Z1: v.Z1, A1: v.A1, Z2: v.Z2, A2: v.A2}; })()""",
    "L_model_forward": """(() => {
        const v = compute({sizes: sizes(a.parameters), hidden: "relu", parameters: a.parameters, X: a.X,
                           Y: a.X.slice(0, 1)});
        return {AL: v[`A${sizes(a.parameters).length - 1}`]}; })()""",
    "L_model_forward_backward": """(() => {
        const v = compute({sizes: sizes(a.parameters), hidden: "relu", parameters: a.parameters, X: a.X,
                           Y: a.Y});
        return Object.fromEntries(Object.entries(v).filter(([name]) => /^d[AWb]/.test(name))); })()""",
    "compute_cost": "crossEntropy(a.AL || a.A2, a.Y)",
    "update_parameters": """updated(a.parameters, a.grads, a.learning_rate)""",
}
HELPERS = """
const matrices = (p) => Object.keys(p).filter((name) => name[0] === "W").sort();
const sizes = (p) => [p.W1[0].length, ...matrices(p).map((name) => p[name].length)];
const answer = (value) => { const pre = document.createElement("pre"); pre.id = "answer";
  pre.textContent = JSON.stringify(value); document.body.append(pre); };
"""


def browse(tmp_path, script, page=None):
    """Append a script to the page, open it in the browser, and return what the script passes to answer()."""
    text = (page or PAGE.read_text(encoding="utf-8")).replace(
        "</body>", f"<script>{HELPERS}{script}</script></body>"
    )
    path = tmp_path / "page.html"
    path.write_text(text, encoding="utf-8")
    found = re.search(r'<pre id="answer">(.*?)</pre>', shown(path), re.DOTALL)
    assert found, "the script of the test did not finish"
    return json.loads(html.unescape(found[1]))


def shown(path):
    """The document that a browser makes of a page; one that hangs, as on busy machines, is started again."""
    for attempt in range(3):
        profile = f"--user-data-dir={path.parent / f'profile{attempt}'}"
        command = [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            profile,
            "--dump-dom",
            path.as_uri(),
        ]
        browser = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        )
        try:
            text, _ = browser.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(browser.pid, signal.SIGKILL)  # it has processes of its own
            browser.communicate()
        else:
            assert browser.returncode == 0
            return text
    raise AssertionError("the browser hangs")


def plain(value):
    """Arrays as the lists that JSON has."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def known():
    return [v for v in vectors.section("vectors") if v["function"] in CALLS and v["unit"] in ("c1w3", "c1w4")]


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    cases = {v["id"]: plain(vectors.decode(v["args"])) for v in known()}
    functions = ",".join(f"{name}: (a) => {body}" for name, body in CALLS.items())
    calls = ",".join(f"{json.dumps(v['id'])}: {v['function']!r}" for v in known())
    script = f"""const calls = {{{functions}}}; const names = {{{calls}}}; const cases = {json.dumps(cases)};
        answer(Object.fromEntries(Object.entries(cases).map(([id, a]) => [id, calls[names[id]](a)])));"""
    computation = re.search(
        r'<script id="computation">.*?</script>', PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    page = f"<!DOCTYPE html><html><body>{computation[0]}</body></html>"  # without the rest of the page
    return browse(tmp_path_factory.mktemp("page"), script, page)


@in_browser
@pytest.mark.parametrize("vector", known(), ids=lambda vector: vector["id"])
def test_the_functions_of_the_page_compute_the_vectors_of_the_course(computed, vector):
    ours, expected = computed[vector["id"]], vectors.decode(vector["expected"])
    if not isinstance(ours, dict):
        ours, expected = {"value": ours}, {"value": expected}
    compared = ours.keys() & expected.keys()
    assert compared
    for name in compared:
        np.testing.assert_allclose(ours[name], expected[name], rtol=1e-12, atol=1e-14, err_msg=name)


def test_the_page_is_compared_with_vectors_of_every_function():
    assert {vector["function"] for vector in known()} == set(CALLS)


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """What the whole page shows while it is used: steps one by one, formulas, a drag, and training."""
    script = r"""
      const seen = {steps: [], wrong: []};
      const exact = (x) => (x < 0 ? `(${x})` : String(x));
      const {exp, tanh, log, max} = Math;
      const check = (array, l, i, j) => {
        const {name, numbers, value} = explain(state.network, state.values, array, l, i, j, exact);
        const result = eval(numbers.replaceAll("\u00b7", "*").replaceAll("-(-", "-1*(-"));
        if (!(Math.abs(result - value) <= 1e-12)) seen.wrong.push([name, numbers, result, value]);
      };
      for (const size of element("sizes").options) {
        for (const hidden of element("hidden").options) {
          element("sizes").value = size.value; element("hidden").value = hidden.value; restart();
          for (const step of state.steps.filter((s) => s.array !== "update")) {
            if (step.array === "J") { check("J", step.layer, 0, 0); continue; }
            state.values[step.array + step.layer].forEach(
              (row, i) => row.forEach((_, j) => check(step.array, step.layer, i, j)));
          }
        }
      }
      element("sizes").value = "2-4-1"; element("hidden").value = "tanh"; restart();
      seen.before = {parameters: structuredClone(state.network.parameters)};
      const shown = () => [...document.querySelectorAll("td[data-array]")].length;
      for (const _ of state.steps) {
        element("next").click();
        seen.steps.push([label(state.steps[state.position]), shown()]);
      }
      seen.values = structuredClone(state.values);
      seen.after = structuredClone(shownParameters());
      element("next").click();
      const place = '[data-layer="1"][data-row="0"][data-column="1"]';
      const cell = document.querySelector(`td[data-array="W"]${place}`);
      const old = Number(state.network.parameters.W1[0][1]), z = state.values.Z1[0][0];
      cell.dispatchEvent(new PointerEvent("pointerdown", {bubbles: true, clientX: 100}));
      document.dispatchEvent(new PointerEvent("pointermove", {bubbles: true, clientX: 125}));
      document.dispatchEvent(new PointerEvent("pointerup", {bubbles: true}));
      seen.drag = [state.network.parameters.W1[0][1] - old, state.values.Z1[0][0] - z];
      restart();
      for (let k = 0; k < 3; k += 1) element("hundred").click();
      seen.costs = state.costs; seen.outputs = state.values.A2[0];
      answer(seen);
    """
    return browse(tmp_path_factory.mktemp("page"), script)


@in_browser
def test_one_click_computes_one_array_and_the_last_updates_the_weights(used):
    assert [name for name, _ in used["steps"]] == [
        "Z[1]", "A[1]", "Z[2]", "A[2]", "J", "dA[2]", "dZ[2]", "dW[2]", "db[2]",
        "dA[1]", "dZ[1]", "dW[1]", "db[1]", "update",
    ]  # fmt: skip
    numbers = [count for _, count in used["steps"]]
    # Every click but J and update adds the numbers of its array; A[1] is shown twice.
    assert np.diff(numbers).tolist() == [32, 4, 4, 0, 4, 4, 4, 1, 16, 16, 8, 4, 0]


@in_browser
def test_the_arrays_of_the_page_are_those_of_deepcore(used):
    model = dc.mlp([2, 4, 1], activation="tanh", dtype="float64")
    for name, value in used["before"]["parameters"].items():
        model.parameters[name] = value
    X, y = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]), np.array([0, 1, 1, 0])
    cost, gradients = model.gradients(X, y)
    assert used["values"]["J"] == pytest.approx(cost, rel=1e-12)
    for name, value in gradients.items():
        np.testing.assert_allclose(used["values"][name], value, rtol=1e-12, atol=1e-15, err_msg=name)
    model.fit(X, y, dc.SGD(1.0), epochs=1, batch_size=None)
    for name, value in used["after"].items():
        np.testing.assert_allclose(value, model.parameters[name], rtol=1e-12, atol=1e-15, err_msg=name)


@in_browser
def test_every_formula_with_its_numbers_gives_the_number_that_is_shown(used):
    assert used["wrong"] == []


@in_browser
def test_dragging_a_weight_by_25_pixels_changes_it_by_a_half_and_all_that_follows(used):
    weight, z = used["drag"]
    assert weight == pytest.approx(0.5)
    assert z == pytest.approx(-0.5)  # x2 of the first example is -1


@in_browser
def test_the_network_of_the_page_learns_xor(used):
    assert len(used["costs"]) == 300
    assert used["costs"][-1] < 0.02
    assert [round(a) for a in used["outputs"]] == [0, 1, 1, 0]


@in_browser
def test_a_rate_that_is_much_too_large_or_negative_leaves_words_and_a_rate_of_zero(tmp_path):
    script = """
        const set = (value) => { element("rate").value = value;
                                 element("rate").dispatchEvent(new Event("change")); };
        set("1000"); element("hundred").click();
        const diverged = element("cost").textContent;
        set("-1"); element("restart").click(); element("whole").click();
        answer({diverged, formula: element("formula").textContent});"""
    found = browse(tmp_path, script)
    assert found["diverged"] == "J = no number"
    assert found["formula"].startswith("W := W - 0 dW")


def test_the_page_loads_nothing_from_elsewhere():
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"(?:src|href)=|@import|url\(|fetch\(|XMLHttpRequest|import\(", text) == []
    addresses = set(re.findall(r"https?://[^\s\"']+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # the name of SVG, which is not loaded
