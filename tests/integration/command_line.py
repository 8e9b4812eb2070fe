"""Helpers of the tests of the command line."""

import csv
import io


def invoke(args):
    """Run a command in this process."""
    from click.testing import CliRunner

    from deepcore.cli.app import app

    return CliRunner().invoke(app, [str(arg) for arg in args])


def run(*args):
    """Run a command that must succeed; its output."""
    result = invoke(args)
    assert result.exit_code == 0, result.output
    return result.output


def fail(*args):
    """Run a command that must end with status 2 and one line; that line."""
    result = invoke(args)
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.output.startswith(("Error: ", "data "))  # not click's usage text
    errors = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    # What train prints before a late failure is no error; the error is the last line and the only one.
    assert len(errors) == 1
    assert result.output.splitlines()[-1] == errors[0]
    return errors[0]


def write_table(path, header, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def read_rows(text):
    return list(csv.DictReader(io.StringIO(text)))
