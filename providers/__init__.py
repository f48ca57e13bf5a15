"""Provider adapters: pure flows of HTTP requests and answers, one file per provider."""
