"""Users, roles, tokens and the admin site."""
