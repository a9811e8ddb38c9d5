"""What the lab deploys, and how it is wired: one file for each group of contracts."""
