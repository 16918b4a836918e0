"""Sightline's search engine: files and arrays in, value objects out.

The package knows nothing of Django, Celery, settings, the environment or the network. Everything it
needs to be told arrives in a frozen :class:`search.config.SearchConfig`.
"""
