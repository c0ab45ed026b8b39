"""How a wanted state is written: the requests of one item, in order. What is already as wanted is not sent."""

from providers.restore.writers.step import ID, Step
from providers.restore.writers.steps import create_steps, delete_steps, priority_step, update_steps

__all__ = ["ID", "Step", "create_steps", "delete_steps", "priority_step", "update_steps"]
