"""A ``Plan`` says how a step of a model will run, which follows from shapes alone, and its memory."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """What ``Model.plan`` returns; ``print(plan)`` says it in words.

    Attributes:
        batch: Examples per step.
        slab: Examples in the workspace at once; a larger batch passes in slabs whose gradients add up.
        block: Examples that one thread carries through the layers at most, if not ``by_layer``.
        narrow: All layers have few units: examples lie along the vector lanes instead of units.
        by_layer: Threads share each layer's product instead, so that each weight is read by one of them.
        threads: How many the shapes can use, at most what was asked for.
        items: Chunks of parameters that are handed out for gradient and update.
        flops: Floating-point operations per step.
        parameter_bytes: Of the model's parameters.
        optimizer_bytes: Of the optimizer's slots in use.
        packed_bytes: Of the packed copies of W and W', and of gradients where they must be kept. The
            slots are not copied: they move into the run and back, one by one.
        workspace_bytes: Of A, dZ and Z of a slab.
    """

    batch: int
    slab: int
    block: int
    narrow: bool
    by_layer: bool
    threads: int
    items: int
    flops: float
    parameter_bytes: int
    optimizer_bytes: int
    packed_bytes: int
    workspace_bytes: int

    @property
    def bytes(self) -> int:
        """All memory of a run, in bytes, without the data."""
        return self.parameter_bytes + self.optimizer_bytes + self.packed_bytes + self.workspace_bytes

    def __str__(self) -> str:
        way = (
            "few units: examples along the vector lanes"
            if self.narrow
            else "threads share the product of each layer"
            if self.by_layer
            else f"a thread carries blocks of {self.block} examples through all layers"
        )
        slabs = "at once" if self.slab == self.batch else f"in slabs of {self.slab}"
        sizes = {
            "parameters": self.parameter_bytes,
            "optimizer": self.optimizer_bytes,
            "packed copies": self.packed_bytes,
            "workspace": self.workspace_bytes,
            "together": self.bytes,
        }
        return "\n".join(
            [
                f"a step of {self.batch} examples, {slabs}: {self.flops / 1e6:.3g} Mflop on {self.threads} "
                f"thread{'s' if self.threads > 1 else ''}",
                f"examples:   {way}",
                f"parameters: gradient and update in {self.items} chunks",
                "memory:     " + ", ".join(f"{name} {size / 1e6:.3g} MB" for name, size in sizes.items()),
            ]
        )
