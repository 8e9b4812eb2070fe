"""Recorded steps of TabM: the table, the arrays of the embedding, and the networks that the members are."""

import json

import numpy as np

import deepcore as dc
from realmlp.traces import FOLDER

NAMES = sorted(path.stem for pattern in ("tabm_*.npz", "mini_*.npz") for path in FOLDER.glob(pattern))


class Recorded:
    """One trace."""

    def __init__(self, name):
        self.about = json.loads((FOLDER / f"{name}.json").read_text())
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as arrays:
            self.arrays = dict(arrays)
        self.mini = self.about["arch"] == "tabm-mini"
        columns = self.about["n_num"] if self.about["ple"] else 0
        self.edges = [self.arrays[f"bins.{j}"] for j in range(columns)]

    def inputs(self):
        """Numbers, then one-hot columns of all codes."""
        sizes = self.about["cat_cardinalities"]
        codes = [np.eye(size)[self.arrays["x_cat"][:, k]] for k, size in enumerate(sizes)]
        return np.concatenate([self.arrays["x_num"], *codes], axis=1)

    def embedding(self, tag):
        """Arrays of the embedding as the package lays them out; unused places of a column are left out."""
        line, bias = (self.arrays[f"{tag}/num_module.linear0.{part}"] for part in ("weight", "bias"))
        parts, columns = self.arrays[f"{tag}/num_module.linear.weight"], []
        for j, edges in enumerate(self.edges):
            bins = len(edges) - 1
            columns += [line[j], *parts[j, : bins - 1], parts[j, -1]]  # the last bin is in the last place
        return {"weight0": np.stack(columns, axis=1), "offset0": bias.T}

    def member(self, i):
        """The network of member i."""
        about, p = self.about, {}
        init = {name.removeprefix("init/"): a for name, a in self.arrays.items() if name.startswith("init/")}
        layers = self.front()
        for number in range(about["n_blocks"]):
            block = f"backbone.blocks.{number}.0"
            W, b = init[f"{block}.weight"], init[f"{block}.bias"]
            scale = init["backbone.affine.weight"][i] if self.mini else init[f"{block}.r"][i]
            if not self.mini:
                W, b = W * init[f"{block}.s"][i][:, np.newaxis], b[i]
            scaled = number == 0 or not self.mini
            layers.append(dc.Dense(len(W), "relu", scaled_inputs=scaled))
            p |= {f"W{number + 1}": W, f"b{number + 1}": b[:, np.newaxis]}
            if scaled:
                p[f"scale{number + 1}"] = scale[:, np.newaxis]
        last = about["n_blocks"] + 1
        layers.append(dc.Dense(about["outputs"], "linear" if about["regression"] else "softmax"))
        p |= {f"W{last}": init["output.weight"][i].T, f"b{last}": init["output.bias"][i][:, np.newaxis]}
        loss = "squared_error" if about["regression"] else "categorical_cross_entropy"
        model = dc.Model(self.inputs().shape[1], layers, loss=loss, dtype="float64")
        for name, values in (p | self.embedding("init")).items():
            model.parameters[name] = values
        return model

    def front(self):
        """The embeddings in front of the first dense layer."""
        ple = self.about["ple"]
        return [dc.PiecewiseLinearEmbedding(self.edges, units=ple["size"])] if ple else []

    def mini_parameters(self, tag):
        """Arrays of TabM-mini by the names of this package."""
        arrays = {
            key.removeprefix(f"{tag}/"): a for key, a in self.arrays.items() if key.startswith(f"{tag}/")
        }
        blocks = self.about["n_blocks"]
        ours = {"factor0": arrays["backbone.affine.weight"].T} | (self.embedding(tag) if self.edges else {})
        for number in range(blocks):
            ours[f"W{number + 1}"] = arrays[f"backbone.blocks.{number}.0.weight"]
            ours[f"b{number + 1}"] = arrays[f"backbone.blocks.{number}.0.bias"][:, np.newaxis]
        own = arrays["output.weight"]  # (members, n_in, outputs)
        ours[f"W{blocks + 1}"] = own.transpose(0, 2, 1).reshape(-1, own.shape[1])
        ours[f"b{blocks + 1}"] = arrays["output.bias"].reshape(-1, 1)
        return ours

    def mini_model(self, dtype):
        """TabM-mini as one network with members."""
        about = self.about
        layers = [*self.front(), *[dc.Dense(about["d_block"], "relu") for _ in range(about["n_blocks"])]]
        layers.append(dc.Dense(about["outputs"], "linear" if about["regression"] else "softmax"))
        loss = "squared_error" if about["regression"] else "categorical_cross_entropy"
        model = dc.Model(self.inputs().shape[1], layers, loss=loss, members=about["k"], dtype=dtype)
        for name, values in self.mini_parameters("init").items():
            model.parameters[name] = values
        return model

    def optimizer(self):
        """The recorded AdamW."""
        options = self.about["optimizer"]
        return dc.AdamW(
            options["rate"], beta1=options["beta1"], beta2=options["beta2"], eps=options["eps"],
            weight_decay=options["decay"],
        )  # fmt: skip
