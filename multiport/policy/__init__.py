"""Guardrails: what no preview of this project may bring into a cloud, whoever wrote the program. Run by the policy engine."""
