"""The command line: the only layer that prints, renders or reads the environment."""
