"""A real Home Assistant and a virtual home, each a process of its own."""
