"""Members: networks that share all weights but factors on A[0] and their own units in the last layer."""

from __future__ import annotations

import numpy as np


def member(p, depth, members, i):
    """Parameters of member i as those of an ordinary network whose first layer has scaled inputs."""
    own = {name: values for name, values in p.items() if name != "factor0"}
    own["scale1"] = p["factor0"][:, [i]]
    for name in (f"W{depth}", f"b{depth}"):
        outputs = len(p[name]) // members
        own[name] = p[name][i * outputs : (i + 1) * outputs]
    return own


def gradient(each, depth):
    """Gradient of the mean loss of all members from those of the ordinary networks."""
    members, total = len(each), {}
    for name in each[0]:
        parts = [grads[name] / members for grads in each]
        if name == "dscale1":
            total["dfactor0"] = np.concatenate(parts, axis=1)
        elif name in (f"dW{depth}", f"db{depth}"):
            total[name] = np.concatenate(parts)
        else:
            total[name] = sum(parts)
    return total
