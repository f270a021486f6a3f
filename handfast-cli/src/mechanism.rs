//! By what a connection is proven.

use clap::ValueEnum;
use handfast::Context;
use handfast::mech::MechanismId;

/// A mechanism, by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mechanism {
    /// Kerberos V5: both ends are proven
    Kerberos,
    /// NTLM: the client is proven to the server, and the server to nobody
    Ntlm,
    /// What both ends can do, agreed on by SPNEGO: Kerberos before NTLM
    Negotiate,
}

impl Mechanism {
    /// The mechanism, if it is not left to be agreed on.
    pub(crate) fn id(self) -> Option<MechanismId> {
        match self {
            Mechanism::Kerberos => Some(MechanismId::KERBEROS),
            Mechanism::Ntlm => Some(MechanismId::NTLM),
            Mechanism::Negotiate => None,
        }
    }
}

/// A context's mechanism, in one word for programs.
pub(crate) fn word(context: &Context) -> String {
    match context.mechanism() {
        MechanismId::KERBEROS => "kerberos".to_owned(),
        MechanismId::NTLM => "ntlm".to_owned(),
        other => other.to_string(),
    }
}
