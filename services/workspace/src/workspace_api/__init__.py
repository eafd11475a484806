"""Items and categories of a workspace, over HTTP."""
