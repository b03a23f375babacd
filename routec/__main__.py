"""`python -m routec`."""

from routec.cli.main import main

main()
