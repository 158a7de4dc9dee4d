"""What programs may do with projects and articles, under /api/v1/: the same as people do on the pages, through the same
functions. `config/gate.py` lets requests in; `config/api.py` puts the routers together.

The routers import django-ninja, and nobody imports a router before the first request to the API: pages stay as light
as they are.
"""
