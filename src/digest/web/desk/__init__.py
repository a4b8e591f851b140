"""The editor's desk: the next issue as readers will get it, on the editor's own machine."""
