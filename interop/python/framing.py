"""Tokens as MIT's gss-client and gss-server frame them: a byte of flags, the length in four bytes (big endian), the body.

A client opens with NOOP | CONTEXT_NEXT. CONTEXT tokens then go both ways, then come messages.
"""
import struct

NOOP, CONTEXT, DATA, MIC, CONTEXT_NEXT, WRAPPED, ENCRYPTED, SEND_MIC = (1 << bit for bit in range(8))


class Ended(Exception):
    """The other side has closed the connection."""


def send(connection, flags, body=b""):
    connection.sendall(struct.pack(">BI", flags, len(body)) + body)


def receive(connection):
    flags, length = struct.unpack(">BI", _exactly(connection, 5))
    return flags, _exactly(connection, length)


def _exactly(connection, count):
    data = b""
    while len(data) < count:
        some = connection.recv(count - len(data))
        if not some:
            raise Ended("the other side has closed the connection")
        data += some
    return data
