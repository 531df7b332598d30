"""The command `multiport`: one module for each verb, which reads the options and calls the package that does the work."""
