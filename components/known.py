"""What is known of an argument before the update.

An argument that may be a Pulumi output is declared as `pulumi.Input`. Whoever needs its value asks for it here: an output is not
known yet and reads as absent. mypy refuses a reader that forgets to ask, because an `Input[str]` is not a `str`. So no rule
touches an output, and one rule serves the stack file, which holds plain data only, and a component called by a program.
Whether such an argument was given at all, known or not, is asked with `in`.
"""


def known_text(value: object) -> str | None:
    """The text of an argument, or None where it is absent or not known yet."""
    return value if isinstance(value, str) else None
