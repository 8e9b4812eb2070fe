"""The group of commands, and the rule for errors: one line on standard error, exit status 2, no traceback."""

from typing import Any

import click

from deepcore import _core
from deepcore.cli.bench import bench
from deepcore.cli.evaluate import evaluate
from deepcore.cli.info import info
from deepcore.cli.predict import predict
from deepcore.cli.train import train

# What wrong files, arguments and machines raise. Anything else is a bug, and its traceback is wanted.
_EXPECTED = (ValueError, TypeError, OSError, ImportError, MemoryError, ArithmeticError)


class _Failure(click.ClickException):
    exit_code = 2


class _Commands(click.Group):
    """A group whose commands may raise what the library raises."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            error.ctx = None  # click would print the usage above the message
            raise
        except BrokenPipeError:  # the reader of our output has seen enough; click ends quietly
            raise
        except _EXPECTED as error:
            raise _Failure(_one_line(error)) from error


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    else:
        text = str(error) or type(error).__name__
    return " ".join(text.split())


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_core.build_info()["version"], prog_name="deepcore")
def app() -> None:
    """Train deep networks on a CPU and use them."""


for _command in (train, predict, evaluate, info, bench):
    app.add_command(_command)
