"""``python -m deepcore.cli`` is the command ``deepcore``."""

from deepcore.cli import main

main()
