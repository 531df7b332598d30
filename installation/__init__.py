"""What set-up installs: environments that hold exactly what a lock file names, and the list of everything that is fetched.

The standard library is all that this package imports: it runs before anything is installed.
"""
