"""The rows behind the console as Django admin pages: to look at, never to change; for owners alone."""
