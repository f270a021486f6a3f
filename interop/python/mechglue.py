"""MIT's mechglue, by python3-gssapi: its own Kerberos and SPNEGO, and gss-ntlmssp where that is installed."""
import ctypes

import gssapi
from gssapi import raw

MECHANISMS = {
    "kerberos": "1.2.840.113554.1.2.2",
    "ms-kerberos": "1.2.840.48018.1.2.2",
    "negotiate": "1.3.6.1.5.5.2",
    "iakerb": "1.3.6.1.5.2.5",
    "ntlm": "1.3.6.1.4.1.311.2.2.10",
}
# An initiator's NTLM mechanism makes a MIC only when SPNEGO, or somebody else, has asked whether it will (gss-ntlmssp,
# GSS_SPNEGO_REQUIRE_MIC_OID).
REQUIRE_MIC = "1.3.6.1.4.1.7165.655.1.2"

FLAGS = {
    "mutual": gssapi.RequirementFlag.mutual_authentication,
    "replay": gssapi.RequirementFlag.replay_detection,
    "sequence": gssapi.RequirementFlag.out_of_sequence_detection,
    "confidentiality": gssapi.RequirementFlag.confidentiality,
    "integrity": gssapi.RequirementFlag.integrity,
    "delegation": gssapi.RequirementFlag.delegate_to_peer,
    "dce-style": gssapi.RequirementFlag.dce_style,
}


def oid(dotted):
    return gssapi.OID.from_int_seq(dotted)


def by_password(options, mechanism):
    """A credential that has not logged in anywhere yet: IAKERB does so through the acceptor."""
    name = raw.import_name(options.user.encode(), gssapi.NameType.user)
    acquired = raw.acquire_cred_with_password(name, options.password.encode(), mechs=[mechanism], usage="initiate")
    return gssapi.Credentials(base=acquired.creds)


class Context:
    """One end of a context; what both libraries' contexts have in common here."""

    def __init__(self, options, initiator):
        self._ask_for_mic = initiator and options.mechanism == "ntlm" and not options.no_mic
        mechanism = oid(MECHANISMS[options.mechanism]) if options.mechanism else None
        arguments = {"usage": "initiate" if initiator else "accept"}
        if options.bindings:
            arguments["channel_bindings"] = raw.ChannelBindings(application_data=options.bindings.encode())
        if initiator:
            arguments["name"] = gssapi.Name(options.service, gssapi.NameType.hostbased_service)
            arguments["mech"] = mechanism
            arguments["flags"] = sum(FLAGS[flag] for flag in options.flags)
            if options.mechanism == "iakerb":
                arguments["creds"] = by_password(options, mechanism)
        elif mechanism:
            arguments["creds"] = gssapi.Credentials(usage="accept", mechs=[mechanism])
        self._context = gssapi.SecurityContext(**arguments)
        self._initiator = initiator
        self._beside = [part.encode() for part in options.beside.split(",")] if options.beside else []

    @property
    def complete(self):
        return self._context.complete

    def step(self, token):
        answer = self._context.step(token)
        if self._ask_for_mic and not self.complete:
            raw.inquire_sec_context_by_oid(self._context, oid(REQUIRE_MIC))
        return answer

    def peer(self):
        return str(self._context.target_name if self._initiator else self._context.initiator_name)

    def mechanism(self):
        dotted = self._context.mech.dotted_form
        return next((name for name, known in MECHANISMS.items() if known == dotted), dotted)

    def flags(self):
        return [name for name, flag in FLAGS.items() if int(self._context.actual_flags) & flag]

    def _in_pieces(self):
        return bool(self._beside or "dce-style" in self.flags())

    def _pieces(self, header, message):
        """The token and the message, with what is only signed before and behind the message (gss_wrap_iov)."""
        kind = raw.IOVBufferType
        beside = [(kind.sign_only, False, part) for part in self._beside]
        return raw.IOV(header, *beside[:1], (kind.data, False, message), *beside[1:], std_layout=False)

    def use_delegated(self, service):
        """As the client, with what it has delegated, the first token for another service."""
        delegated = self._context.delegated_creds
        if delegated is None:
            return None
        name = gssapi.Name(service, gssapi.NameType.hostbased_service)
        token = gssapi.SecurityContext(name=name, creds=delegated, usage="initiate").step()
        return f"{delegated.name} with {len(token) > 0 and service}"

    def _header_length(self, token):
        """How much of a token in pieces stands before the message."""
        if token[0] == 0x60:
            # RFC 4757 7.3: the frame, 8 bytes, number, checksum and confounder, whether sealed or not.
            return 13 + 32
        # RFC 4121 4.2.6.2: a sealed token has a confounder, and in DCE style RRC leaves EC out.
        sealed = token[2] & 2
        extra, rotation = int.from_bytes(token[4:6], "big"), int.from_bytes(token[6:8], "big")
        dce_style = "dce-style" in self.flags()
        return 16 + rotation + (16 + (extra if dce_style else 0) if sealed else 0)

    def wrap(self, message, encrypt):
        if not self._in_pieces():
            return self._context.wrap(message, encrypt).message
        pieces = self._pieces(raw.IOVBufferType.header, message)
        raw.wrap_iov(self._context, pieces, encrypt)
        header, data = pieces[0].value, next(piece.value for piece in pieces if piece.type == raw.IOVBufferType.data)
        return header + data

    def unwrap(self, token):
        if not self._in_pieces():
            unwrapped = self._context.unwrap(token)
            return unwrapped.message, unwrapped.encrypted
        length = self._header_length(token)
        pieces = self._pieces((raw.IOVBufferType.header, False, token[:length]), token[length:])
        unwrapped = raw.unwrap_iov(self._context, pieces)
        data = next(piece.value for piece in pieces if piece.type == raw.IOVBufferType.data)
        return data, unwrapped.encrypted

    def sign(self, message):
        return self._context.get_signature(message)

    def verify(self, message, signature):
        self._context.verify_signature(message, signature)


    def pseudo_random(self, text, length=100):
        """The outputs of the full and of the partial key (RFC 4401), in hexadecimal; the context is gone then.

        python3-gssapi lacks the call, so the library gets the context by export and import.
        """
        token = raw.export_sec_context(self._context)
        context = ctypes.c_void_p()
        gss("gss_import_sec_context", Buffer.of(token), ctypes.byref(context))
        outputs = []
        for key in (0, 1):
            output = Buffer()
            gss("gss_pseudo_random", context, key, Buffer.of(text.encode()), ctypes.c_ssize_t(length), ctypes.byref(output))
            outputs.append(ctypes.string_at(output.value, output.length).hex())
        return " ".join(outputs)


class Buffer(ctypes.Structure):
    """gss_buffer_desc"""
    _fields_ = [("length", ctypes.c_size_t), ("value", ctypes.c_void_p)]

    @staticmethod
    def of(octets):
        data = ctypes.create_string_buffer(octets, len(octets))
        buffer = Buffer(len(octets), ctypes.cast(data, ctypes.c_void_p))
        buffer.data = data
        return ctypes.byref(buffer)


def gss(name, *arguments):
    minor = ctypes.c_uint32()
    status = getattr(ctypes.CDLL("libgssapi_krb5.so.2"), name)(ctypes.byref(minor), *arguments)
    if status:
        raise OSError(f"{name}: {status:#x}, {minor.value:#x}")


def token_facts(token):
    """Nothing: this library does not take tokens apart."""
    return []
