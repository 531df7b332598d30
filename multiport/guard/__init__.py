"""Protects a cloud that others rely on: asks before a change is carried out, and refuses if nobody can be asked."""
