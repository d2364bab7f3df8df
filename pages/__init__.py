"""Screens of the app: a page a file; files that begin with an underscore are parts of pages."""
