#!/usr/bin/python3
"""A peer for tests: makes a context by a library that nobody here wrote, and says what that library says.

  sample_peer.py gssapi|spnego serve [options]               prints "port: N", takes one connection after the other
  sample_peer.py gssapi|spnego connect PORT [options] --send MESSAGE --send MESSAGE ...

A message is KIND=TEXT, or KIND=@N for N bytes. Kinds, the first three as MIT's gss-client has them:

  sealed     wrapped and encrypted; the answer is a signature of it, which is verified
  wrapped    wrapped, encryption not asked for; the answer likewise
  plain      as it is; the answer likewise
  signed     as it is, and then its signature, which the server verifies; the answer likewise
  echo       wrapped and encrypted; the answer is the same message, wrapped and encrypted by the server

Every fact is a line of its own: "peer:", "mechanism:", "flags:", "message:", "verified", "failed:" ...
"""
import argparse
import socket
import sys

import framing
from framing import CONTEXT, CONTEXT_NEXT, DATA, ENCRYPTED, MIC, NOOP, SEND_MIC, WRAPPED, Ended


def say(text):
    print(text, flush=True)


def say_context(context):
    say(f"peer: {context.peer().rstrip(chr(0))}")
    say(f"mechanism: {context.mechanism()}")
    say(f"flags: {' '.join(context.flags())}")


def say_token(library, token):
    for fact in library.token_facts(token):
        say(f"token: {fact}")


def say_message(kind, message):
    say(f"message: {kind} {len(message)} bytes: {ascii(message[:40].decode('latin-1'))}")


def failure(error):
    return f"failed: {type(error).__name__}: " + " ".join(str(error).split())


def pattern(count):
    return bytes(index % 251 for index in range(count))


class Failed(Exception):
    """What the other side did is not what was agreed on."""


def serve(library, options):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        say(f"port: {listener.getsockname()[1]}")
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(options.patience)
                try:
                    serve_one(library, options, connection)
                except Exception as error:  # whatever a library raises, this connection has failed
                    say(failure(error))


def serve_one(library, options, connection):
    flags, _ = framing.receive(connection)
    if flags != NOOP | CONTEXT_NEXT:
        raise Failed(f"the connection opens with flags {flags:#x}")
    context = library.Context(options, initiator=False)
    if options.speak_first:
        framing.send(connection, CONTEXT, context.step(None))
    while not context.complete:
        _, token = framing.receive(connection)
        say_token(library, token)
        answer = context.step(token)
        if answer:
            framing.send(connection, CONTEXT, answer)
    say_context(context)
    if options.use_delegated:
        say(f"delegated: {context.use_delegated(options.use_delegated)}")
    plain = None
    while True:
        flags, body = framing.receive(connection)
        if flags & NOOP:
            if options.prf:
                say(f"prf: {context.pseudo_random(options.prf)}")
            return say("end")
        if flags & WRAPPED:
            body, encrypted = context.unwrap(body)
            say_message("encrypted" if encrypted else "integrity-only", body)
        elif flags & MIC:
            context.verify(plain, body)
            body = plain
            say_message("signed", body)
        else:
            plain = body
            say_message("plain", body)
        if flags & SEND_MIC:
            framing.send(connection, MIC, context.sign(body))
        elif flags & WRAPPED:
            framing.send(connection, DATA | WRAPPED | ENCRYPTED, context.wrap(body, True))
        else:
            framing.send(connection, NOOP)


def connect(library, options):
    context = library.Context(options, initiator=True)
    with socket.create_connection(("127.0.0.1", options.port)) as connection:
        connection.settimeout(options.patience)
        framing.send(connection, NOOP | CONTEXT_NEXT)
        token = None
        if options.hinted:
            _, token = framing.receive(connection)
            say_token(library, token)
        make(library, context, connection, token)
        say_context(context)
        for message in options.send:
            kind, _, text = message.partition("=")
            body = pattern(int(text[1:])) if text.startswith("@") else text.encode()
            KINDS[kind](context, connection, body)
        framing.send(connection, NOOP)
        say("end")


def make(library, context, connection, token):
    while not context.complete:
        answer = context.step(token)
        if answer:
            framing.send(connection, CONTEXT, answer)
        if not context.complete:
            _, token = framing.receive(connection)
            say_token(library, token)


def verify_answer(context, connection, body):
    flags, answer = framing.receive(connection)
    if not flags & MIC:
        raise Failed(f"the answer has flags {flags:#x} and is no signature")
    context.verify(body, answer)
    say(f"verified {len(body)} bytes")


def sealed(context, connection, body):
    framing.send(connection, DATA | WRAPPED | ENCRYPTED | SEND_MIC, context.wrap(body, True))
    verify_answer(context, connection, body)


def wrapped(context, connection, body):
    framing.send(connection, DATA | WRAPPED | SEND_MIC, context.wrap(body, False))
    verify_answer(context, connection, body)


def plain(context, connection, body):
    framing.send(connection, DATA | SEND_MIC, body)
    verify_answer(context, connection, body)


def signed(context, connection, body):
    framing.send(connection, DATA, body)
    framing.receive(connection)
    framing.send(connection, MIC | SEND_MIC, context.sign(body))
    verify_answer(context, connection, body)


def echo(context, connection, body):
    framing.send(connection, DATA | WRAPPED | ENCRYPTED, context.wrap(body, True))
    flags, answer = framing.receive(connection)
    answer, encrypted = context.unwrap(answer)
    if answer != body:
        raise Failed(f"{len(body)} bytes came back as {len(answer)} others")
    say_message("encrypted" if encrypted else "integrity-only", answer)


KINDS = {"sealed": sealed, "wrapped": wrapped, "plain": plain, "signed": signed, "echo": echo}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", choices=("gssapi", "spnego"))
    ends = parser.add_subparsers(dest="end", required=True)
    for name, end in (("serve", serve), ("connect", connect)):
        command = ends.add_parser(name)
        command.set_defaults(run=end)
        if name == "connect":
            command.add_argument("port", type=int)
            command.add_argument("--send", action="append", default=[])
            command.add_argument("--hinted", action="store_true", help="the server speaks first")
            command.add_argument("--user")
            command.add_argument("--password")
            command.add_argument("--no-mic", action="store_true", help="NTLM makes no MIC if it can help it")
        else:
            command.add_argument("--speak-first", action="store_true")
            command.add_argument("--prf", help="at the end, 100 pseudo-random bytes of this, by both keys")
            command.add_argument("--use-delegated", help="get a ticket for this service with the client's credential")
        command.add_argument("--mechanism", choices=("kerberos", "ms-kerberos", "iakerb", "ntlm", "negotiate"))
        command.add_argument("--service", default="host@localhost")
        command.add_argument("--bindings", help="application data of channel bindings")
        command.add_argument("--beside", help="wrapped messages stand between these two parts, which are only signed")
        command.add_argument("--flags", type=lambda text: text.split(",") if text else [],
                             default=["mutual", "replay", "sequence", "confidentiality", "integrity"])
        command.add_argument("--patience", type=float, default=20, help="seconds to wait for the other side")
    return parser.parse_args()


def main():
    options = arguments()
    if options.library == "gssapi":
        import mechglue as library
    else:
        import pure as library
    try:
        options.run(library, options)
    except Exception as error:
        sys.exit(failure(error))


main()
