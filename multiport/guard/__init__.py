"""What stands between a command and a cloud that others rely on: show first, ask, and refuse where nobody can be asked."""
