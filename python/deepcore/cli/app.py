"""The group of commands, and how errors end: one line on standard error, exit status 2, no traceback."""

import re
from typing import Any

import click

from deepcore import _core
from deepcore.cli.bench import bench
from deepcore.cli.course import course
from deepcore.cli.evaluate import evaluate
from deepcore.cli.export import export
from deepcore.cli.info import info
from deepcore.cli.output import in_options, readable
from deepcore.cli.predict import predict
from deepcore.cli.train import train

# Wrong files, wrong arguments and missing resources raise these. Anything else is a bug: show its traceback.
_EXPECTED = (ValueError, TypeError, OSError, ImportError, MemoryError, ArithmeticError)


# The function of the library that a message names first; users of the command line did not call it.
_CALLER = re.compile(
    r"^(?:[A-Z]\w+\.\w+|Frame|read_table|read_csv|read_npz|split_indices|predict|evaluate|fit|save): "
)


class _Failure(click.ClickException):
    exit_code = 2


class _Commands(click.Group):
    """A group of commands in which the errors of the library become one line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            error.ctx = None  # click would print the usage above the message
            raise
        except BrokenPipeError:  # the program that reads the output has ended; click then ends quietly
            raise
        except _EXPECTED as error:
            raise _Failure(_one_line(error)) from error


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    else:
        text = str(error) or type(error).__name__
    lines = [line.strip() for line in in_options(text).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):  # a list, one item per line
        lines = [f"{lines[0]} {'; '.join(lines[1:])}"]
    return readable(_CALLER.sub("", " ".join(" ".join(lines).split())))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_core.build_info()["version"], prog_name="deepcore")
def app() -> None:
    """Train neural networks on a CPU, and use them."""


for _command in (train, predict, evaluate, export, info, bench, course):
    app.add_command(_command)
