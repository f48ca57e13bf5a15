"""Real media: films that start and end at the pictures they were asked to.

PyAV and Pillow are imported inside `pictures` and `film` only, which are imported when the first
film or picture is wanted.
"""
