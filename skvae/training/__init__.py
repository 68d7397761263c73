"""Training on skorch, which owns the loop: batches, schedule, the net and its state."""
