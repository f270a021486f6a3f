use crate::name::Principal;
use crate::time::Time;
use crate::words::words;
use alloc::string::String;

/// Why a credential can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialError {
    /// The ticket cache has neither a ticket for the service nor a ticket-granting ticket that could get one.
    NoTicket {
        /// The client whose cache it is.
        client: Principal,
        /// The service wanted.
        service: Principal,
    },
    /// The ticket-granting ticket has ended.
    TicketExpired {
        /// The client.
        client: Principal,
        /// When it ended.
        end: Time,
    },
    /// The login can't be handed on: its ticket-granting ticket is not forwardable.
    NotForwardable {
        /// The client.
        client: Principal,
    },
    /// The key given has the wrong encryption type for what the KDC or the policy wants.
    NoUsableKey {
        /// The client.
        client: Principal,
    },
    /// The policy does not allow NTLM, which can't prove who the server is.
    NtlmServerUnproven {
        /// The service wanted.
        target: String,
    },
    /// NTLM was asked for by name, and the credential has no secret for it.
    NoNtlmSecret {
        /// The client.
        client: Principal,
    },
    /// The realm of the client, or of the service, is not known.
    UnknownRealm {
        /// The name without a realm.
        name: String,
    },
}

words! { CredentialError {
    CredentialError::NoTicket { client, service } =>
        "{client} holds no ticket for {service} and no ticket-granting ticket that could get one: log in first";
    CredentialError::TicketExpired { client, end } => "the ticket of {client} ended at {end}: log in again";
    CredentialError::NotForwardable { client } =>
        "the ticket of {client} is not forwardable, so it can't be delegated: log in for a forwardable one";
    CredentialError::NoUsableKey { client } => "no key of {client} has an encryption type that the policy permits";
    CredentialError::NtlmServerUnproven { target } =>
        "NTLM can't prove that the server is {target}: use Kerberos, or allow it by the policy dangerous_ntlm_unproven_server";
    CredentialError::NoNtlmSecret { client } => "the credential of {client} has no password or hash for NTLM";
    CredentialError::UnknownRealm { name } => "no realm is known for {name}: name one (…@REALM), or set a default";
} }

impl core::error::Error for CredentialError {}
