"""`make setup`: create the development environment in `.venv`, unless it is there and current."""

import sys

from installation import python_range


def main() -> int:
    """Refuse an unsupported Python, or else create the environment; return the exit status."""
    refusal = python_range.refusal(sys.version_info[:2])
    if refusal is not None:
        sys.stderr.write(refusal + "\n")
        return 1
    from installation import development  # noqa: PLC0415 - an old Python cannot parse it

    return development.main()


if __name__ == "__main__":
    sys.exit(main())
