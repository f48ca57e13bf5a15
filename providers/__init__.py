"""Provider adapters: pure flows of HTTP requests and answers, one module or package each."""
