"""One command from a fresh machine to a running console: ``make run``.

Used by ``make`` and by the tests. The product itself never imports it.
"""
