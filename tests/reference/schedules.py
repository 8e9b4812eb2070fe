"""Schedules: the learning rate as a function of the optimizer's step t, counted from 0."""

from __future__ import annotations

import math


def constant(t, learning_rate):
    return learning_rate


def step(t, learning_rate, factor, every):
    """Times ``factor`` after each ``every`` steps."""
    return learning_rate * factor ** (t // every)


def exponential(t, learning_rate, factor):
    return learning_rate * factor**t


def inverse_time(t, learning_rate, decay, every):
    """The course's scheduled decay: lr / (1 + decay floor(t / every))."""
    return learning_rate / (1 + decay * (t // every))


def cosine(t, learning_rate, steps, final):
    """Loshchilov & Hutter (2017), one half wave from ``learning_rate`` to ``final``, which then stays."""
    return final + 0.5 * (learning_rate - final) * (1 + math.cos(math.pi * min(t, steps) / steps))


def one_cycle(t, learning_rate, steps, rise, div, final_div):
    """torch's OneCycleLR: up to the peak at step rise * steps - 1, down to the end at step steps - 1."""
    low, peak, last = learning_rate / div, rise * steps - 1, steps - 1
    t = min(t, last)

    def anneal(start, end, part):
        return end + (start - end) / 2 * (math.cos(math.pi * part) + 1)

    if peak > 0 and t <= peak:
        return anneal(low, learning_rate, t / peak)
    return anneal(learning_rate, low / final_div, (t - peak) / (last - peak) if last > peak else 0)


def flat_cosine(t, learning_rate, steps):
    """pytabkit's flat_cos: the rate for half of the steps, then half a cosine down to 0."""
    s = min(t, steps) / steps
    return learning_rate if s < 0.5 else learning_rate * (1 + math.cos(2 * math.pi * (s - 0.5))) / 2


def coslog4(t, learning_rate, steps):
    """Holzmueller et al. (2024): four waves, each about twice as long as the one before."""
    s = min(t, steps) / steps
    return learning_rate * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * s))) / 2


def warmup(t, after, steps, start):
    """Linear up to the first rate of ``after``, a function of its own step."""
    return after(0) * (start + (1 - start) * t / steps) if t < steps else after(t - steps)


def table(t, values):
    """The last value stays."""
    return values[min(t, len(values) - 1)]


SCHEDULES = {
    f.__name__: f
    for f in (constant, step, exponential, inverse_time, cosine, one_cycle, flat_cosine, coslog4)
}
