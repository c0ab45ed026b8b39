"""What is in a tenant: which types of object are read, and what a row keeps of each object."""
