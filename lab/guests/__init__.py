"""Guests of the four network stacks, as images built from Debian packages; the tests boot them too."""
