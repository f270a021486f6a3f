//! How each cheat is done.

use super::Trouble;
use super::cheats::{Count, Tried};
use super::client::{Client, Mishap, present_recorded};
use super::flag_sets::flag_sets;
use super::play::Theatre;
use super::server::Server;
use super::stage::random_password;
use super::tamper;
use super::verdict::Reason;
use super::wire::Tamper;
use handfast::crypto::OsRandom;
use handfast::krb5::enctype::EncryptionKey;
use handfast::krb5::{Ccache, HeldTicket};
use handfast::{Acceptor, Credential, Policy, ReplayGuard};
use std::time::Duration;

/// How far the wrong clock is ahead; 5 minutes are allowed (RFC 4120 3.1.3).
/// The half second keeps what is said of it at 600, whatever the way takes.
const AHEAD: Duration = Duration::from_millis(600_500);

type Try = Result<Tried, Trouble>;

impl Theatre<'_> {
    /// What alice's client does when nothing is wrong, with what she has.
    fn alice(&self) -> Client {
        self.client_with(self.credential.clone())
    }

    /// The visit of `client` at the stage's own server.
    fn try_visit(&self, client: Client) -> Try {
        self.try_at(client, &self.server)
    }

    fn try_at(&self, client: Client, server: &Server) -> Try {
        let client = Client { server: server.address, ..client }.visit()?;
        Ok(Tried { client, server: server.report()?, flag_sets: None })
    }

    fn tampered(&self, tamper: Tamper) -> Try {
        self.try_visit(Client { mishap: Mishap::Tampered(tamper), ..self.alice() })
    }
}

pub(super) fn wrong_password(theatre: &Theatre<'_>) -> Try {
    theatre.try_visit(theatre.client_with(theatre.stage.credential_with(&random_password()?)?))
}

pub(super) fn wrong_ntlm_password(theatre: &Theatre<'_>) -> Try {
    wrong_password(theatre)
}

pub(super) fn skewed_login(theatre: &Theatre<'_>) -> Try {
    let client = theatre.client_with(theatre.stage.credential()?);
    // Else she would take the KDC's clock for hers.
    let policy = client.policy.clone().with_kdc_timesync(false);
    theatre.try_visit(Client { ahead: AHEAD, policy, ..client })
}

pub(super) fn skewed_clock(theatre: &Theatre<'_>) -> Try {
    theatre.try_visit(Client { ahead: AHEAD, ..theatre.alice() })
}

pub(super) fn wrong_service(theatre: &Theatre<'_>) -> Try {
    theatre.try_visit(Client { target: theatre.stage.other_service.clone(), ..theatre.alice() })
}

pub(super) fn replayed_token(theatre: &Theatre<'_>) -> Try {
    let Tried { client: honest, server, .. } = theatre.try_visit(theatre.alice())?;
    if honest.proven.is_none() || server.proven.is_none() {
        return Err(Trouble::new("the honest visit before the replay failed"));
    }
    let client = present_recorded(theatre.server.address, honest.frames()?)?;
    Ok(Tried { client, server: theatre.server.report()?, flag_sets: None })
}

pub(super) fn flipped_token(theatre: &Theatre<'_>) -> Try {
    theatre.tampered(Tamper::Flip(0))
}

pub(super) fn flipped_message(theatre: &Theatre<'_>) -> Try {
    theatre.tampered(Tamper::Flip(1))
}

/// The second of the client's tokens, which is its last where NTLM is spoken.
pub(super) fn flipped_last_token(theatre: &Theatre<'_>) -> Try {
    theatre.tampered(Tamper::Flip(1))
}

pub(super) fn flipped_ntlm_message(theatre: &Theatre<'_>) -> Try {
    theatre.tampered(Tamper::Flip(2))
}

pub(super) fn repeated_message(theatre: &Theatre<'_>) -> Try {
    theatre.try_visit(Client { mishap: Mishap::RepeatedMessage, ..theatre.alice() })
}

pub(super) fn stripped_mechanism(theatre: &Theatre<'_>) -> Try {
    theatre.tampered(Tamper::Change(0, tamper::without_kerberos))
}

pub(super) fn dropped_mic(theatre: &Theatre<'_>) -> Try {
    theatre.tampered(Tamper::Change(1, tamper::without_mic))
}

pub(super) fn dropped_list_mic(theatre: &Theatre<'_>) -> Try {
    theatre.tampered(Tamper::Change(1, tamper::without_list_mic))
}

pub(super) fn wrong_keytab(theatre: &Theatre<'_>) -> Try {
    let keytab = theatre.stage.keytab_with(EncryptionKey::generate(theatre.stage.enctype, &OsRandom)?);
    let acceptor = Acceptor::new(&keytab, ReplayGuard::in_memory());
    theatre.try_at(theatre.alice(), &Server::start(acceptor, theatre.stage.accounts.clone())?)
}

pub(super) fn impostor(theatre: &Theatre<'_>) -> Try {
    theatre.try_at(theatre.alice(), &Server::impostor()?)
}

pub(super) fn reflected_token(theatre: &Theatre<'_>) -> Try {
    theatre.try_at(theatre.alice(), &Server::mirror()?)
}

/// A ticket of alice's, shown by somebody who makes up its session key.
pub(super) fn wrong_ticket_keys(theatre: &Theatre<'_>) -> Try {
    let ticket = theatre.ticket()?;
    let stolen = HeldTicket { key: EncryptionKey::generate(ticket.key.enctype(), &OsRandom)?, ..ticket };
    let mut cache = Ccache::new(theatre.stage.client.clone());
    cache.replace(stolen);
    with_every_flag_set(theatre, &Credential::tickets(&cache), Reason::NotTheTicketsKey)
}

pub(super) fn wrong_ntlm_secrets(theatre: &Theatre<'_>) -> Try {
    let guess = theatre.stage.credential_with(&random_password()?)?;
    with_every_flag_set(theatre, &guess, Reason::NotProven)
}

/// Tries a wrong secret with each set of flags, at a server that takes them; and the right one, which has to pass with the
/// same. Returns the last try, or the first that did not end as it must.
fn with_every_flag_set(theatre: &Theatre<'_>, wrong: &Credential, reason: Reason) -> Try {
    let sets = flag_sets(&theatre.policy());
    let mut count = Count { refused: 0, tried: 0 };
    let mut last = None;
    for policy in &sets {
        let visit = |credential: &Credential| visit_with(theatre, credential, policy);
        let right = visit(&theatre.credential)?;
        if right.client.proven.is_none() || right.server.proven.is_none() {
            return Err(Trouble::new(format!("the right secret does not pass with the flags {}", policy.flags())));
        }
        let tried = visit(wrong)?;
        count.tried += 1;
        let refused =
            tried.client.proven.is_none() && tried.server.end.as_ref().is_some_and(|end| end.reason == reason);
        count.refused += usize::from(refused && tried.server.proven.is_none());
        last = Some(tried);
        if count.refused < count.tried {
            break;
        }
    }
    let last = last.ok_or_else(|| Trouble::new("no set of flags"))?;
    Ok(Tried { flag_sets: Some(Count { tried: sets.len(), ..count }), ..last })
}

fn visit_with(theatre: &Theatre<'_>, credential: &Credential, policy: &Policy) -> Try {
    let acceptor = theatre.stage.acceptor(theatre.act.ntlm).policy(policy.clone());
    let server = Server::start(acceptor, theatre.stage.accounts.clone())?;
    theatre.try_at(Client { policy: policy.clone(), ..theatre.client_with(credential.clone()) }, &server)
}
