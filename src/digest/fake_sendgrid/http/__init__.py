"""HTTP/1.1 over one socket, with control over every byte that is written.

`connection` reads a request from the socket with h11 and returns it as an `HttpRequest` of
`http_message`; the server makes an `HttpResponse` of it, which `connection` encodes as bytes. The
bytes, or what a fault makes of them, become `wire_steps` (write, pause, hang, close, kill), and
`connection` performs the steps in order.
"""
