"""The set-up: virtual environments with exactly the packages of a lock file, and the list of everything that is downloaded.

This package imports nothing but the standard library, because it runs before anything is installed.
"""
