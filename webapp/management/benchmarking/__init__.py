"""What ``manage.py benchmark`` is made of."""
