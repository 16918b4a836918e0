"""Background work: the only package where the database and the engine meet."""

from tasks.celery import app as celery_app

__all__ = ["celery_app"]
