"""Microsoft Graph over the wire: tokens, requests, pages, batches, and what their failures mean.

Knows nothing of Django: whoever builds a client brings the identity, the transport and the budget.
"""
