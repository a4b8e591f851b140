"""Requests to other people's servers, which may be hostile.

Every request has bounds on its size, its time and its redirects, and reaches no private address
unless a setting allows it.
"""
