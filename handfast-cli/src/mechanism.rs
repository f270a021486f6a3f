//! By what a connection is proven.

use clap::ValueEnum;
use handfast::mech::MechanismId;
use handfast::{Context, IakerbDialect};

/// A mechanism, by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mechanism {
    /// Kerberos V5: both ends are proven
    Kerberos,
    /// Kerberos V5 through a server that asks the KDC for the client (IAKERB): both ends are proven
    Iakerb,
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
            Mechanism::Iakerb => Some(MechanismId::IAKERB),
            Mechanism::Ntlm => Some(MechanismId::NTLM),
            Mechanism::Negotiate => None,
        }
    }
}

/// A context's mechanism, in one word for programs.
pub(crate) fn word(context: &Context) -> String {
    match context.mechanism() {
        MechanismId::KERBEROS => "kerberos".to_owned(),
        MechanismId::IAKERB => "iakerb".to_owned(),
        MechanismId::NTLM => "ntlm".to_owned(),
        other => other.to_string(),
    }
}

/// Which IAKERB is spoken, by its name on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    /// As draft-ietf-kitten-iakerb-03 says, and MIT krb5 from 1.22 on
    #[default]
    Draft,
    /// As MIT krb5 does up to 1.21 (a server then takes both)
    #[value(name = "mit-1.21")]
    Mit121,
}

impl From<Dialect> for IakerbDialect {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Draft => IakerbDialect::Draft,
            Dialect::Mit121 => IakerbDialect::Mit121,
        }
    }
}
