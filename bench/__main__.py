"""`python -m bench`."""

import sys

# Each driver process imports this file too, under another name, and has to be quick about it.
if __name__ == "__main__":
    from bench.run import main

    sys.exit(main())
