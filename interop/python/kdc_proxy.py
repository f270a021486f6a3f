"""The KDC proxy kdcproxy by HTTPS, on a free port of loopback.

Usage: kdc_proxy.py CERTIFICATE KEY, both in PEM; KDCPROXY_CONFIG names its configuration. Prints `port N` once it listens, and a
line for every request.
"""

import ssl
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import kdcproxy


class Handler(WSGIRequestHandler):
    def log_message(self, format, *args):
        print("request:", format % args, flush=True)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server = make_server("127.0.0.1", 0, kdcproxy.Application(), handler_class=Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
print("port", server.server_port, flush=True)
server.serve_forever()
