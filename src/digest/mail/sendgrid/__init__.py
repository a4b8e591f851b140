"""The only folder that knows SendGrid's wire format."""
