"""Benchmarks of the policy-routing script."""
