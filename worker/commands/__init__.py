"""The subcommands of `innkey`, one module per group; each is loaded when it is called."""
