"""Help for tests: virtual time, clients that sleep, and a guard on the network."""
