"""Which tenants need me now: counts, the worst of them, a map of all, and what ran last."""
