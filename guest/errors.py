"""The one error of this package."""

_SHOWN_CHARACTERS = 80


class GuestError(ValueError):
    """What the guest is to be told is not possible.

    Attributes:
        key: Where in the server's description the fault lies, for example ``ports.a.mac``.
        problem: What is wrong, without a full stop.
        remedy: What to do about it, without a full stop.
    """

    def __init__(self, key: str, problem: str, remedy: str) -> None:
        super().__init__(f"{key}: {problem}. {remedy}.")
        self.key = key
        self.problem = problem
        self.remedy = remedy


def shown(value: object) -> str:
    """Return a value as one line of ASCII that is safe to print, shortened to 80 characters."""
    text = ascii(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
