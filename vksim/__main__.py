"""``python -m vksim`` is ``vksim``."""

from vksim.cli import main

main()
