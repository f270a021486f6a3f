"""A RADIUS server (RFC 2865) on loopback that takes each of some one-time passwords once: radius.py SECRET-FILE USER PASSWORD...

It says where it listens, and of each request what it makes of it.
"""
import hashlib
import hmac
import os
import socket
import struct
import sys

ACCESS_REQUEST, ACCESS_ACCEPT, ACCESS_REJECT = 1, 2, 3
USER_NAME, USER_PASSWORD, MESSAGE_AUTHENTICATOR = 1, 2, 80


def attributes(octets):
    found = {}
    while octets:
        kind, length = octets[0], octets[1]
        if not 2 <= length <= len(octets):
            raise ValueError("an attribute of a wrong length")
        found[kind], octets = octets[2:length], octets[length:]
    return found


def revealed(hidden, secret, authenticator):
    """A User-Password as it was (RFC 2865 5.2)."""
    plain, last = b"", authenticator
    for start in range(0, len(hidden), 16):
        block = hidden[start:start + 16]
        mask = hashlib.md5(secret + last).digest()
        plain, last = plain + bytes(a ^ b for a, b in zip(block, mask)), block
    return plain.rstrip(b"\0")


def response(code, identifier, authenticator, secret, signed):
    """With the Response Authenticator (RFC 2865 3), and a Message-Authenticator (RFC 3579 3.2) for who knows such."""
    header = struct.pack(">BBH", code, identifier, 38 if signed else 20)
    attribute = b""
    if signed:
        unsigned = bytes([MESSAGE_AUTHENTICATOR, 18]) + bytes(16)
        attribute = unsigned[:2] + hmac.new(secret, header + authenticator + unsigned, "md5").digest()
    return header + hashlib.md5(header + authenticator + attribute + secret).digest() + attribute


def main():
    secret_file, user, *passwords = sys.argv[1:]
    with open(secret_file, "rb") as file:
        secret = file.read().strip()
    unused = set(passwords)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    print(f"listening on port {server.getsockname()[1]}.", flush=True)
    answered = {}
    while True:
        packet, peer = server.recvfrom(4096)
        code, identifier, length = struct.unpack(">BBH", packet[:4])
        authenticator = packet[4:20]
        if code != ACCESS_REQUEST or length != len(packet):
            continue
        said = attributes(packet[20:])
        if authenticator not in answered:  # A request that comes twice has one answer.
            name = os.fsdecode(said[USER_NAME])
            password = os.fsdecode(revealed(said[USER_PASSWORD], secret, authenticator))
            taken = name == user and password in unused
            unused.discard(password)
            print(f"{'accepted' if taken else 'rejected'} {name} with {password}", flush=True)
            answered[authenticator] = ACCESS_ACCEPT if taken else ACCESS_REJECT
        signed = MESSAGE_AUTHENTICATOR in said
        server.sendto(response(answered[authenticator], identifier, authenticator, secret, signed), peer)


main()
