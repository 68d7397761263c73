"""Small things that know nothing of models: counts, checks, files, labels."""
