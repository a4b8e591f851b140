"""The rules a mail must keep before it may go, one function a rule."""
