"""`make setup`: the development environment in `.venv`; does nothing where it is there."""

import sys

from installation import python_range


def main() -> int:
    """Refuse an unsupported Python, else have the environment; returns the exit status."""
    refusal = python_range.refusal(sys.version_info[:2])
    if refusal is not None:
        sys.stderr.write(refusal + "\n")
        return 1
    from installation import development  # noqa: PLC0415 - an old Python cannot read it

    return development.main()


if __name__ == "__main__":
    sys.exit(main())
