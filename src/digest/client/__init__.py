"""A client of the JSON API, for other programs: `from digest.client import Digest`.

A method of `Digest` makes a request, which `api_connection` sends, more than once where that does
no harm. The answer comes back as JSON values, typed by `api_types`; a refusal is raised as one of
`errors`. Methods and types are generated from the OpenAPI document, and nothing else of this
project is imported, so that a program may use the client without the engine.
"""

from digest.client.api_connection import ApiAnswer, ApiConnection
from digest.client.errors import ApiProblem, ApiUnreachable

__all__ = ["ApiAnswer", "ApiConnection", "ApiProblem", "ApiUnreachable"]
