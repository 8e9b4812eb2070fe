"""An extension of griffe, which reads docstrings for the site: programs under ``Example:`` are code."""

import re

import griffe


class Examples(griffe.Extension):
    """Name the section ``Examples:``, as griffe knows it."""

    def on_object(self, *, obj, **_):
        """Change the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
