"""What goes wrong on purpose: faults of requests, of addresses and of events.

`script` reads a fault script as users write it and makes the plan that `catalogue` defines: each
kind of fault, its settings, and the requests that meet it. The server asks the plan for each Mail
Send request, and `effects` turns the fault that was met into another answer or into other steps on
the connection. `outcomes` stands beside them: it draws what becomes of each accepted mail (a
bounce, a click, a complaint) from a seed and the address, so that a run can be repeated.
"""
