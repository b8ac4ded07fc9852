"""A WebDAV server over a folder: ``davserver.py FOLDER PORT``. See ``servers_more.Dav``."""

from __future__ import annotations

import sys

from cheroot import wsgi
from wsgidav.wsgidav_app import WsgiDAVApp

folder, port = sys.argv[1:]
users = {"*": {"tester": {"password": "dav-test-pass"}}}
app = WsgiDAVApp(
    {
        "provider_mapping": {"/": folder},
        "simple_dc": {"user_mapping": users},
        "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
        "verbose": 1,
    }
)
wsgi.Server(("127.0.0.1", int(port)), app, numthreads=30).start()
