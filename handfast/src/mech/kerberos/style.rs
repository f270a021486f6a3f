use super::iakerb::Conversation;
use crate::mech::MechanismId;

/// How the two ends come to a ticket, beside the initiator's own ways; each has a mechanism of its own.
#[derive(Clone)]
pub(super) enum Style<Login> {
    /// The acceptor has a key that the KDC knows, and does nothing about it.
    Plain,
    /// The acceptor has a login, whose session key tickets are under (draft-swift-win2k-krb-user2user-03).
    UserToUser(Login),
    /// The acceptor carries what initiator and KDC say to each other (draft-ietf-kitten-iakerb-03).
    Iakerb(Conversation),
}

impl<Login> Style<Login> {
    pub(super) const fn mechanism(&self) -> MechanismId {
        match self {
            Style::Plain => MechanismId::KERBEROS,
            Style::UserToUser(_) => MechanismId::KERBEROS_USER_TO_USER,
            Style::Iakerb(_) => MechanismId::IAKERB,
        }
    }
}
