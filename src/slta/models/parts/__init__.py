"""What several models share word for word."""
