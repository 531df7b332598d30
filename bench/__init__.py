"""Benchmarks of the guest's script."""
