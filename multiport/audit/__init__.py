"""Whether a stack's objects are in the cloud as the stack's state declares them. Nothing here changes anything."""
