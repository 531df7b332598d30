"""`python -m multiport`: the same as the command `multiport`."""

import sys

from multiport.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
