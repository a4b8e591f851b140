"""Mail and pages rendered from templates, and the checks of a finished mail.

`template_paths` finds the template files. `engine` fills a template with Jinja, passing each value
through `escaping` and offering the `filters`, which measure text with `graphemes`; MJML is then
compiled to HTML, `line_length` breaks its lines, and the mail is returned as the value in
`rendered`. `sandbox` runs all of this in a process with limits of time and memory and adds the
findings of `lint`; `rich_text` turns what an editor wrote in Markdown into words for each of these
places; `template_errors` tells the file and line of a failure. `pages` renders the public web
pages. Templates of both take their words from the catalogues of `subscribers.locale`, their
accent from `accent`, and their fonts and logo from `brand`.
"""
