"""The engine: takes jobs from the line to a video on our own disk.

Each module is one stage, thin around pure decisions: `intake` accepts, `line` binds a slot,
`dispatch` prepares and submits, `outcomes` records what came of it, `watch` reads how far
the provider is, `save` fetches the result, `recover` takes over after a restart. `policy`
holds the decisions, `loop` runs the stages.
"""
