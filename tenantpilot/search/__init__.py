"""Finding tenants, connections and runs from every page, and going from one tenant or workspace to another."""
