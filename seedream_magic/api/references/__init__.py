"""Input images of a request: what people hand in, what it is, what the service takes of it."""
