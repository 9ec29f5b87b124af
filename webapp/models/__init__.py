"""Who uses the panel, and what programs use it in a person's name."""

from webapp.models.tokens import Token
from webapp.models.users import Role, User

__all__ = ["Role", "Token", "User"]
