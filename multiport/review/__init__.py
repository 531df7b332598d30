"""Renders a preview for reviewers: reads the engine's events and writes Markdown, JSON or text for a terminal.

It depends only on the output of the official CLI about a stack; the components do not import it.
"""
