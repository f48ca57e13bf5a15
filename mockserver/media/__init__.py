"""Real media: films that start and end at the pictures they were asked to, and say whose they are.

Nothing is needed for them beyond the standard library. PyAV and Pillow, which show given pictures
as they are, are imported inside `film`, `pictures` and `motion` only, and these when the first
such film is wanted.
"""
