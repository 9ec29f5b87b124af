"""Who uses the panel, and what programs use it in a person's name."""

from webapp.models.token import Token
from webapp.models.user import Role, User

__all__ = ["Role", "Token", "User"]
