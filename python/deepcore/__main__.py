"""``python -m deepcore`` is the command ``deepcore``."""

from deepcore.cli import main

main()
