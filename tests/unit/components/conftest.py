import warnings

with warnings.catch_warnings():
    # the provider's SDK warns of its own old names when it is first imported
    warnings.simplefilter("ignore", DeprecationWarning)
    import pulumi_openstack  # noqa: F401
