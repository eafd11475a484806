"""The process engine: a project as supervised processes of the user."""
