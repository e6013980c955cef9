"""Flask extensions, made here and bound to an application in app.py."""

import flask_smorest
from flask_jwt_extended import JWTManager
from flask_migrate import Migrate

api = flask_smorest.Api()
jwt = JWTManager()
migrate = Migrate()
