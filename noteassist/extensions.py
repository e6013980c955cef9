"""Flask extensions, made here and bound to an application in app.py."""

import flask_smorest
from flask_caching import Cache
from flask_jwt_extended import JWTManager

api = flask_smorest.Api()
jwt = JWTManager()
cache = Cache()
