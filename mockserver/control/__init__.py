"""The control API, `/__mock`."""
