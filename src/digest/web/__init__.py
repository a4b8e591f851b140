"""The ASGI application: what readers, editors and the provider reach by HTTP."""
