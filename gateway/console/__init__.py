"""Web pages: templates and static files, no build step, nothing from outside."""
