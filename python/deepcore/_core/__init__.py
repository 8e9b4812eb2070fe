"""Import the one variant of the native module that fits this CPU, or the one that ``DEEPCORE_ISA`` names."""

import importlib as _importlib
import os as _os

from deepcore._core import _choice, _cpu

VARIANTS = _cpu.BUILT

_variant = _choice.choose(_os.environ.get("DEEPCORE_ISA"), VARIANTS, _cpu.runnable())
_native = _importlib.import_module(f"deepcore._core._core_{_variant}")
globals().update({name: value for name, value in vars(_native).items() if not name.startswith("_")})
