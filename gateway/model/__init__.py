"""The gateway's own words: phases, requests, errors, ids. Pure; imports nothing that does I/O."""
