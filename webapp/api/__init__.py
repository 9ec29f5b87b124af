"""The JSON API: the verbs of shell and panel, by the same functions. Imported by the site's URLs
alone, as it is slow to.
"""
