"""The JSON API under `/api/v1`: resources, tokens, idempotency and the OpenAPI document."""
