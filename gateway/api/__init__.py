"""The HTTP API: controllers, problem documents, auth, the OpenAPI document."""
