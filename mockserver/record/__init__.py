"""What happened in a world, as files: HAR for other tools, and world files that live again."""
