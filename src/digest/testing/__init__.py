"""A SendGrid that runs here, with faults on request."""
