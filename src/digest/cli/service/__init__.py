"""The commands that keep running: `digest run` and `digest worker`.

`run` starts the site with everything that happens by itself, and `worker` the jobs alone, for as
many machines as there are. Both live as `service_process` says: it looks whether the installation
is fit, waits for a signal, lets what is under way end, and reports what is left in doubt.
"""
