"""The engine: job life, money, journal and callbacks on one clock. It knows no provider."""
