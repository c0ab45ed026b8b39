"""Every object type of Intune and conditional access that a backup covers: one table, one engine."""
