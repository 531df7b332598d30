"""What the Makefile calls: deploying a stack, proving the project."""
