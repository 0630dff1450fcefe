"""The campaign against the promises: everything runs, and everything is broken."""
