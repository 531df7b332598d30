"""The guide's own verification, run against a stack: what answers from outside, and what the guest sees of it."""
