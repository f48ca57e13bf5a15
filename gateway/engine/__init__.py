"""The engine: takes jobs from the line to a video on our own disk, and tells of the end.

Each module is one stage, thin around pure decisions: `intake` accepts (`given` looks at what
a job is made from), `sources` waits for other videos and takes from them, `line` binds a
slot, `dispatch` brings the `inputs` and submits, `outcomes` records what came of it, `watch`
reads how far the provider is, `save` fetches the result, `notices` tells the caller,
`recover` takes over after a restart. `policy` holds the decisions, `loop` runs the stages.

Beside them: `files` and `remove` for what callers keep, `quote` for what they may want to
know before, `stills` for pictures of finished films, `drop` for bytes nobody needs.
"""
