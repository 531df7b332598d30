"""Compares a stack's objects in the cloud with what the stack's state declares. Nothing here changes anything."""
