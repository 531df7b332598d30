"""Guest images for the four network stacks, built from Debian packages. The local cloud and the tests boot them."""
