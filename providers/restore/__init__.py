"""Restore: what a restore run will do (plan), what it did (journal), and how it is taken up again or undone."""
