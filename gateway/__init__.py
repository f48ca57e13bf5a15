"""The gateway: one HTTP API for AI video generation, in front of any provider."""
