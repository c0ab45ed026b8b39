"""Objects of a tenant as the catalogue describes them: read, brought to one form, compared."""
