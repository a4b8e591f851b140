"""A client of the JSON API, for other programs: `from digest.client import Digest`.

A method that `digest_client` has from `operations` makes a request, which `api_connection` sends,
more than once where that does no harm. The answer comes back as JSON values, typed by `api_types`;
a refusal is raised as one of `errors`. Methods and types are generated from the OpenAPI document,
and nothing else of this project is imported, so that a program pays for no engine.
"""

from digest.client.digest_client import Digest
from digest.client.errors import ApiProblem, ApiUnreachable

__all__ = ["ApiProblem", "ApiUnreachable", "Digest"]
