"""What Git's hooks and drivers start: one module a family, each with ``run(name, arguments, session)``."""
