"""Backups: written once, read often, kept as long as the rules say."""
