"""The rules of a mail, one function for each, grouped by what they protect.

Each function takes a `LintedMail` and yields findings, and `digest.render.lint.runner` lists them
in order: `size`, `unrendered`, `links`, `compliance`, `subject_line` and `accessibility`. Each
function is decorated by the words that explain it and by an example that fails and one that passes,
of which a page is made. `spam_score` isn't in the list, as its findings come from SpamAssassin.
"""
