"""``--config FILE``: the options of a command from a TOML file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from deepcore import _checks

__all__ = ["config_option"]


def _read(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Make the values of the file the defaults of the command; what the command line says wins."""
    if value is None:
        return
    parameters = {
        alias: parameter
        for parameter in ctx.command.params
        if parameter is not param and parameter.name is not None
        for alias in _aliases(parameter)
    }
    values = _parse(Path(value))
    unknown = [key for key in values if key not in parameters]
    if unknown:
        known = sorted({alias for alias in parameters if "_" not in alias})
        raise ValueError(
            f"{value} has unknown names: {_checks.first_names(unknown, _checks.shown)}; "
            f"the names are {', '.join(known)}"
        )
    wrong = [key for key, entry in values.items() if isinstance(entry, dict)]
    if wrong:
        raise ValueError(
            f"{value}: {_checks.first_names(wrong)} must be a value or a list of values, and not a table"
        )
    ctx.default_map = {
        parameters[key].name: _default(ctx, parameters[key], entry, f"{value}: {key}")
        for key, entry in values.items()
    }


def _default(ctx: click.Context, parameter: click.Parameter, entry: Any, where: str) -> Any:
    """Return an entry of the file as a default; an option that may be repeated also takes a single value."""
    default = [entry] if parameter.multiple and not isinstance(entry, list) else entry
    try:
        parameter.type_cast_value(ctx, default)
    except click.BadParameter as error:
        raise ValueError(f"{where}: {error.message}") from error
    except TypeError as error:
        raise ValueError(f"{where} must be a single number, got {_checks.shown(entry)}") from error
    return default


def _aliases(parameter: click.Parameter) -> list[str]:
    """How a parameter may be written in the file: as its option, also with underscores."""
    options = [option.lstrip("-") for option in parameter.opts if option.startswith("--")]
    names = options or [str(parameter.name)]
    return [*names, *(name.replace("-", "_") for name in names)]


def _parse(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        try:
            import tomli as tomllib
        except ImportError as error:
            raise ImportError(
                "--config needs Python 3.11, or the package tomli: pip install tomli"
            ) from error
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a valid TOML file: it is not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not a valid TOML file: {error}") from error


config_option = click.option(
    "--config",
    metavar="FILE.toml",
    callback=_read,
    is_eager=True,
    expose_value=False,
    help='Read options from a TOML file, such as: label = "price". The command line wins.',
)
