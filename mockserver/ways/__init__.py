"""Ways in besides ASGI: httpx's transports, respx, and code that does not await."""
