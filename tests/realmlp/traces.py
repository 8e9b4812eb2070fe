"""Recorded runs of RealMLP as the package sees them: recipe, table, parameters, orders."""

import json
import os
from functools import cached_property
from pathlib import Path

import numpy as np

from deepcore._network.examples import Examples
from deepcore._network.network import Network
from deepcore._realmlp.categories import codes_of, known_values
from deepcore._realmlp.recipe import Recipe
from deepcore._realmlp.targets import Classes, Numbers
from deepcore._realmlp.training import Member, Split
from deepcore.tabular import Encoding

FOLDER = Path(os.environ.get("DEEPCORE_REALMLP_TRACES") or Path(__file__).parents[1] / "data" / "realmlp")
NAMES = sorted(path.stem for pattern in ("td*.npz", "ens_*.npz") for path in FOLDER.glob(pattern))


def distance(got, wanted):
    """The largest difference over the largest size, which counts as 1e-3 at least."""
    assert got.shape == wanted.shape
    return 0.0 if got.size == 0 else np.abs(got - wanted).max() / max(1e-3, np.abs(wanted).max())


def train_member(member, data, rows, batch):
    """Train on these rows in their order; return the mean loss."""
    (loss,), bad = member.network.train(
        data.take(rows), member.state.native, batch, 1, factors=member.factors.native(member.steps)
    )
    assert bad < 0
    return loss


def train_epoch_by_epoch(training, orders, train=train_member):
    """Train the members one after the other, each on its own order of rows: the bits that fits must have."""
    data, batch = training.split.data, training.split.batch(training.recipe)
    for epoch in range(training.recipe.epochs):
        losses = [
            train(member, data, order(epoch), batch)
            for member, order in zip(training.members, orders, strict=True)
        ]
        if training({"loss": float(np.mean(losses))}):
            break
    training.on_end(None)
    return training.outcome


class MaskedMember(Member):
    """A member whose steps take the recorded masks of dropout: the loop of gradients and steps."""

    def __init__(self, masks, *arguments):
        super().__init__(*arguments)
        self.masks = masks

    def gradient(self, batch):
        """Loss and gradient of the next step."""
        step, flat = self.state.steps, np.zeros_like(self.network.flat)
        loss = self.network.gradient(batch, flat, 0, self.training(step), self.masks(step))
        return loss, self.network.views(flat, "d")

    def train(self, data, rows, batch):
        if self.masks(0) is None:  # without dropout the steps are those of fit
            return train_member(self, data, rows, batch)
        losses = []
        for start in range(0, len(rows), batch):
            loss, grads = self.gradient(data.take(rows[start : start + batch]))
            self.state.step(grads)
            losses.append(loss)
        return np.mean(losses)

    def training(self, step):
        """Seed, number and factors of a step, as ``Network.gradient`` takes them."""
        factors = self.factors.native(self.steps)
        scales = [factors[name](step) if name in factors else 1.0 for name in ("dropout", "smoothing")]
        return (self.network.spec.seed, step, *scales)


class Trace:
    """One trace."""

    def __init__(self, name):
        self.about = json.loads((FOLDER / f"{name}.json").read_text())
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as arrays:
            self.arrays = dict(arrays)
        self.config = self.about["config"]
        self.members = self.config.get("n_ens", 1)
        self.classes = self.about["task"] in ("binary", "multi")

    def __getitem__(self, key):
        return self.arrays[key]

    @cached_property
    def recipe(self):
        config, base, td = self.config, self.about["base"], self.about["kind"] == "td"
        more = {}
        if td:
            more = {
                "one_hot": config["max_one_hot_cat_size"] - 1,
                "category_units": config["embedding_size"],
                "number_units": config["plr_hidden_2"] - 1,
                "frequencies": config["plr_hidden_1"],
                "number_rate": config["plr_lr_factor"],
                "parametric": config["use_parametric_act"],
                "activation_rate": config["act_lr_factor"],
            }
        return Recipe.of(
            self.about["kind"],
            self.classes,
            hidden=tuple(self.about["hidden"]),
            activation=config["act"],
            learning_rate=base["lr"],
            beta2=base["sq_mom"],
            eps=base["opt_eps"],
            dropout=base["p_drop"],
            decay=base["wd"],
            smoothing=base["ls_eps"],
            smoothing_waves=config.get("ls_eps_sched") == "coslog4",
            clamp=bool(config.get("clamp_output", False)),
            epochs=self.about["epochs_planned"],
            batch_size=self.about["batch"],
            scale_rate=config["scale_lr_factor"],
            bias_rate=config["bias_lr_factor"],
            first_layer_rate=config.get("first_layer_lr_factor") or 1.0,
            **more,
        )

    # The table.

    @cached_property
    def known(self):
        cat, fitted = self["cat"], []
        for j in range(cat.shape[1]):
            fitted.append(known_values(self[f"cat_values.{j}"][cat[:, j]], cat[:, j] < 0))
        return fitted

    def codes(self, cat):
        columns = [
            codes_of(self[f"cat_values.{j}"][cat[:, j]], cat[:, j] < 0, known)
            for j, known in enumerate(self.known)
        ]
        return np.stack(columns, axis=1) if columns else np.zeros((len(cat), 0), np.int64)

    @cached_property
    def encoding(self):
        rows, limit = self["train_rows"], self.recipe.one_hot
        sizes = [len(known) + 1 for known in self.known]
        numbers = self["num"][rows].astype(np.float64)
        return Encoding.fit(
            numbers, self.codes(self["cat"])[rows], sizes, scaling="robust", clip=True,
            one_hot_limit=None if limit is None else limit + 1,
        )  # fmt: skip

    def X(self, dtype, test=False):
        numbers, cat = (self["test_num"], self["test_cat"]) if test else (self["num"], self["cat"])
        return self.encoding.transform(numbers.astype(np.float64), self.codes(cat), dtype)

    @cached_property
    def y(self):
        y = self["y"]
        return y if self.classes or y.ndim == 2 else y[:, np.newaxis]

    @cached_property
    def targets(self):
        if self.classes:
            return Classes(self.about["n_outputs"])
        return Numbers.fit(self.y[self["train_rows"]], self.recipe.clamp)

    def split(self, dtype):
        train, validation = self["train_rows"], self["val_rows"]
        data = Examples(self.X(dtype)[train], self.targets.encode(self.y[train], dtype), None)
        return Split(data, self.X(dtype)[validation], self.y[validation], self.targets)

    def rows(self, member, step):
        """Rows of a batch, as numbers within the training rows."""
        rows = self["batch_rows"][step]
        rows = rows[member] if self.members > 1 else rows
        places = np.zeros(len(self["num"]), np.int64)
        places[self["train_rows"]] = np.arange(len(self["train_rows"]))
        return places[rows]

    def order(self, member):
        def of_epoch(epoch):
            steps = np.flatnonzero(self["step_epoch"] == epoch)
            return np.concatenate([self.rows(member, step) for step in steps])

        return of_epoch

    # Parameters.

    def parameters(self, tag, member, ref=False):
        """Recorded arrays by the names of this package."""
        head = f"{'ref/' if ref else ''}{tag}/{f'{member}/' if self.members > 1 else ''}"
        its = {key.removeprefix(head): value for key, value in self.arrays.items() if key.startswith(head)}
        ours = {"scale1": its["scale"][:, np.newaxis]}
        for number in range(len(self.about["hidden"]) + 1):
            ours[f"W{number + 1}"] = its[f"layer{number}.weight"].T
            ours[f"b{number + 1}"] = its[f"layer{number}.bias"][:, np.newaxis]
            if f"layer{number}.act" in its:
                ours[f"alpha{number + 1}"] = its[f"layer{number}.act"][:, np.newaxis]
        if "pbld.w1" in its:
            ours |= {
                "frequency0": its["pbld.w1"].T,
                "phase0": its["pbld.b1"].T,
                "weight0": its["pbld.w2"].reshape(-1, its["pbld.w2"].shape[2]).T,
                "offset0": its["pbld.b2"].T,
            }
        tables = [its[f"emb.{k}"] for k in range(len(its)) if f"emb.{k}" in its]
        if tables:
            ours["table0"] = np.concatenate(tables).T
        return ours

    def member(self, number, dtype):
        """A network with the first parameters, and its optimizer."""
        network = Network(self.recipe.spec(self.targets.outputs, self.encoding, np.dtype(dtype), 0))
        start = self.parameters("init", number)
        assert set(network.parameters) == set(start)
        for name, values in start.items():
            network.parameters[name] = values
        return MaskedMember(
            lambda step: self.masks(number, step), network, self.recipe, self.about["steps_planned"]
        )

    def masks(self, member, step):
        """Keep masks of the hidden layers by their number, (batch, units), or None."""
        if "mask.0" not in self.arrays:
            return None
        batch, found = self.about["batch"], {}
        for number, units in enumerate(self.about["hidden"], start=1):
            packed = self[f"mask.{number - 1}"][step]
            bits = np.unpackbits(packed if packed.ndim == 1 else packed[member])
            found[number] = bits[: batch * units].reshape(batch, units)
        return found
