"""Device compliance of a tenant at one time, and how it changes from snapshot to snapshot."""
