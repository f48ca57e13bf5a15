"""The engine: takes jobs from the line to a video on our own disk.

Each module is one stage, a thin loop around pure decisions: `intake` accepts, `dispatch`
binds a slot, prepares and submits, `watch` reads how far the provider is, `save` fetches
the result. `policy` holds the decisions, `loop` runs the stages.
"""
