"""Measurements of the engine that ``manage.py evaluate`` runs. Nothing here touches the library."""
