"""The shop's own components."""
