"""The pages of tenants, provider connections and what was read of a directory."""
