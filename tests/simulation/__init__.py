"""The whole engine on one virtual clock, with chance for everything: one seed is one history."""
