"""Django project: settings, pages, API and forms. Other packages do not import it."""
