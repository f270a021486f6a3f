"""pyspnego: NTLM and SPNEGO in Python, Kerberos by the system's GSS-API."""
import spnego
from spnego._ntlm_raw.messages import Authenticate, AvId, Challenge, Negotiate, NTClientChallengeV2
from spnego._spnego import NegTokenInit, NegTokenResp, unpack_token
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import NegotiateOptions

FLAGS = {
    "mutual": spnego.ContextReq.mutual_auth,
    "replay": spnego.ContextReq.replay_detect,
    "sequence": spnego.ContextReq.sequence_detect,
    "confidentiality": spnego.ContextReq.confidentiality,
    "integrity": spnego.ContextReq.integrity,
    "no-integrity": spnego.ContextReq.no_integrity,
}
# Its own implementations, whatever else is installed.
OWN = {
    "ntlm": NegotiateOptions.use_ntlm,
    "negotiate": NegotiateOptions.use_negotiate,
    "kerberos": NegotiateOptions.use_gssapi,
}


class Context:
    """One end of a context; what both libraries' contexts have in common here."""

    def __init__(self, options, initiator):
        mechanism = options.mechanism or "negotiate"
        service, _, host = options.service.partition("@")
        arguments = {
            "hostname": host,
            "service": service,
            "protocol": mechanism,
            "options": OWN[mechanism],
            "context_req": spnego.ContextReq(sum(FLAGS[flag] for flag in options.flags)),
        }
        if options.bindings:
            arguments["channel_bindings"] = GssChannelBindings(application_data=options.bindings.encode())
        if initiator:
            self._context = spnego.client(options.user, options.password, **arguments)
        else:
            self._context = spnego.server(**arguments)
        self._initiator = initiator
        self._service = options.service

    @property
    def complete(self):
        return self._context.complete

    def step(self, token):
        return self._context.step(token)

    def peer(self):
        return self._service if self._initiator else self._context.client_principal

    def mechanism(self):
        return self._context.negotiated_protocol

    def flags(self):
        return [name for name, flag in FLAGS.items() if self._context.context_attr & flag]

    def wrap(self, message, encrypt):
        return self._context.wrap(message, encrypt=encrypt).data

    def unwrap(self, token):
        unwrapped = self._context.unwrap(token)
        return unwrapped.data, unwrapped.encrypted

    def sign(self, message):
        return self._context.sign(message)

    def verify(self, message, signature):
        self._context.verify(message, signature)


def token_facts(token):
    """What is in a token that came, line by line."""
    if token.startswith(b"NTLMSSP\x00"):
        return _ntlm_facts(token)
    try:
        message = unpack_token(token)
    except ValueError:
        return ["raw"]
    if isinstance(message, NegTokenInit):
        return ["NegTokenInit mechTypes " + " ".join(message.mech_types)] + _inner_facts(message.mech_token, message)
    if isinstance(message, NegTokenResp):
        state = message.neg_state.name if message.neg_state is not None else "none"
        chosen = message.supported_mech or "none"
        return [f"NegTokenResp {state}, supportedMech {chosen}"] + _inner_facts(message.response_token, message)
    return ["raw"]


def _inner_facts(token, message):
    facts = ["mechListMIC"] if message.mech_list_mic else []
    return facts + (_ntlm_facts(token) if token and token.startswith(b"NTLMSSP\x00") else [])


def _ntlm_facts(token):
    kind = token[8]
    if kind == 1:
        return [f"NEGOTIATE {len(token)} bytes, flags {int(Negotiate.unpack(token).flags):#010x}"]
    if kind == 2:
        return ["CHALLENGE " + _pairs(Challenge.unpack(token).target_info)]
    message = Authenticate.unpack(token)
    pairs = NTClientChallengeV2.unpack(message.nt_challenge_response[16:]).av_pairs
    mic = "a MIC" if message.mic and any(message.mic) else "no MIC"
    lm = "an LM response" if any(message.lm_challenge_response or b"") else "no LM response"
    return [f"AUTHENTICATE of {message.user_name} in {message.domain_name}, {mic}, {lm}, {_pairs(pairs)}"]


def _pairs(pairs):
    return ", ".join(_pair(identifier, value) for identifier, value in pairs.items() if identifier != AvId.eol)


def _pair(identifier, value):
    if identifier == AvId.timestamp:
        return "timestamp"
    if identifier == AvId.flags:
        value = int(value)
    if identifier == AvId.channel_bindings:
        value = value.hex()
    return f"{identifier.name}={value}"
