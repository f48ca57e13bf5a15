"""Values that a client sends anyway and that script what happens."""
