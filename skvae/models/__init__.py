"""The estimators: what all of them share, and each in a file of its own."""
