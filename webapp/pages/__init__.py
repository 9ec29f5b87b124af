"""Pages: views with their presenters, one module or package per page."""
