"""A tenant's later life: archived, brought back, deleted."""
