"""What a server is told: its routing plan, the files that act on it, its user data and its metadata. Plain data in, text out."""
