"""`python -m noteassist.cli`."""

from noteassist.cli import main

main()
