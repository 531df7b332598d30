"""A preview that people can review: engine events in, Markdown, JSON or a terminal view out.

Looks at the program from outside: it reads what the official CLI says about a stack, and nothing imports it.
"""
