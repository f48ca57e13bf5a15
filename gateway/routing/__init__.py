"""Which targets can serve a request, and which account should take a job. Pure."""
