use crate::words::words;
use alloc::string::String;

/// Why we refuse a peer that speaks NTLM (MS-NLMP).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NtlmRefusal {
    /// The peer's flags lack what makes its contexts safe (MS-NLMP 2.2.2.5): Unicode, extended session security, target
    /// info, and where messages are protected, signing or sealing as asked for, 128-bit keys and key exchange.
    FlagsMissing(
        /// The flags that are missing.
        u32,
    ),
    /// The peer wants the connectionless form, with other keys for each message (MS-NLMP 3.1.5.2).
    Datagram,
    /// The client's response is not of version 2.
    NotVersion2,
    /// The client names no user, or proves nothing.
    Anonymous,
    /// The server's challenge has no timestamp, without which the handshake is not protected by a MIC.
    NoTimestamp,
    /// The client's response is of another time than the challenge that it answers (MS-NLMP 3.2.5.1.2).
    Stale {
        /// Its timestamp less our time, in seconds.
        seconds: i64,
    },
    /// The client's message has no MIC, though the challenge had a timestamp: it was taken off, or the client is too old.
    MicAbsent,
    /// The handshake's messages were changed on their way, or the client does not hold the session key.
    MicMismatch,
    /// The client's response was not made with the account's secret.
    NotProven {
        /// The account that the client names.
        account: String,
    },
    /// The client meant to reach another service.
    Target {
        /// The service that it names; empty if none, or if the client itself does not trust the name.
        target: String,
    },
}

words! { NtlmRefusal {
    NtlmRefusal::FlagsMissing(flags) =>
        "the peer does not negotiate what NTLM needs here: flags {flags:#010x} are missing";
    NtlmRefusal::Datagram => "the peer wants NTLM for datagrams, and this is a connection";
    NtlmRefusal::NotVersion2 => "the client's response is not of NTLM version 2";
    NtlmRefusal::Anonymous => "the client is anonymous";
    NtlmRefusal::NoTimestamp => "the server's NTLM challenge has no timestamp, so its messages can't be protected";
    NtlmRefusal::Stale { seconds } =>
        "the client's response is of a time {seconds:+} seconds from ours: begin anew, or set the clocks";
    NtlmRefusal::MicAbsent => "the client's NTLM message has no MIC: it was removed, or never made";
    NtlmRefusal::MicMismatch => "the NTLM messages were changed on their way";
    NtlmRefusal::NotProven { account } =>
        "the client does not hold the secret of {account}: a wrong password, or an impostor";
    NtlmRefusal::Target { target } if target.is_empty() => "the client does not say whom it wants";
    NtlmRefusal::Target { target } => "the client wants {target}, and that is not us";
} }
