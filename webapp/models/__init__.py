"""Users, their API tokens, and the access log."""

from webapp.models.access import AccessEvent, LoginDelay
from webapp.models.token import Token
from webapp.models.user import Role, User

__all__ = ["AccessEvent", "LoginDelay", "Role", "Token", "User"]
