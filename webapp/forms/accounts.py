"""Making the first account of an installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import User

if TYPE_CHECKING:
    _Base = BaseUserCreationForm[User]
else:
    _Base = BaseUserCreationForm  # generic in its stubs only


class FirstAccountForm(_Base):
    """An account that may do everything; the first one has nobody to give it rights."""

    class Meta:
        model = User
        fields = ("username",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.is_staff = True
        self.instance.is_superuser = True
