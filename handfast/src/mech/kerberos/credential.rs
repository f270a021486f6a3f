use super::on_behalf::OnBehalf;
use crate::crypto::Secret;
use crate::krb5::HeldTicket;
use crate::krb5::enctype::EncryptionKey;
use crate::krb5::exchange::{Known, Learned};
use crate::krb5::message::Ticket;
#[cfg(feature = "pkinit")]
use crate::krb5::pkinit::{KdcTrust, PkinitIdentity};
use crate::name::Principal;
use crate::policy::Policy;
use crate::sync::Lock;
use crate::time::Time;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

/// A client, what it can prove itself with, and the tickets it holds. Clones share the tickets.
#[derive(Clone)]
pub(crate) struct KerberosCredential(Arc<Inner>);

struct Inner {
    client: Principal,
    /// Who that is, once a login has told that the name stands for another (RFC 6806 6).
    known_as: Lock<Option<Principal>>,
    secrets: Secrets,
    /// Who acts for the client, if that is another.
    on_behalf: Option<OnBehalf>,
    held: Lock<Vec<Arc<HeldTicket>>>,
    /// Services that were asked for, and the ones of other realms that KDCs referred to.
    referred: Lock<Vec<(Principal, Principal)>>,
    last_proof: Lock<Time>,
    /// What logins have learned of KDCs.
    known: Lock<Known>,
}

/// What a client can log in with.
pub(crate) enum Secrets {
    Password(Secret<Vec<u8>>),
    Keys(Vec<EncryptionKey>),
    #[cfg(feature = "pkinit")]
    Certificate(PkinitIdentity, Arc<KdcTrust>),
    /// Nothing: it has its tickets.
    None,
}

/// How many tickets are held at a time; the one that ends first makes room.
const HELD_LIMIT: usize = 1024;

impl KerberosCredential {
    pub(crate) fn new(client: Principal, secrets: Secrets, held: Vec<HeldTicket>) -> Self {
        KerberosCredential::with(client, secrets, None, held)
    }

    /// Acts for the client of `evidence`, which is a ticket to ourselves.
    pub(crate) fn with_evidence(&self, evidence: HeldTicket, held: Vec<HeldTicket>) -> Self {
        let client = evidence.client.clone();
        let on_behalf = OnBehalf::with_evidence(self.logs_in().clone(), evidence);
        KerberosCredential::with(client, Secrets::None, Some(on_behalf), held)
    }

    /// Acts for `user`; the KDC is asked for the evidence.
    pub(crate) fn for_user(&self, user: Principal) -> Self {
        let own = self.logs_in().client().realm();
        let user = if user.realm().is_empty() { user.with_realm(own) } else { user };
        let on_behalf = OnBehalf::by_protocol_transition(self.logs_in().clone());
        KerberosCredential::with(user, Secrets::None, Some(on_behalf), Vec::new())
    }

    fn with(client: Principal, secrets: Secrets, on_behalf: Option<OnBehalf>, held: Vec<HeldTicket>) -> Self {
        let held = held.into_iter().map(Arc::new).collect();
        KerberosCredential(Arc::new(Inner {
            client,
            known_as: Lock::new(None),
            secrets,
            on_behalf,
            held: Lock::new(held),
            referred: Lock::new(Vec::new()),
            last_proof: Lock::new(Time::EPOCH),
            known: Lock::new(Known::default()),
        }))
    }

    /// The same, with what is known of KDCs.
    pub(crate) fn knowing(self, known: Known) -> Self {
        self.0.known.with(|held| *held = known);
        self
    }

    /// What who logs in knows of KDCs; without the offset of their clocks if the policy does not follow them.
    pub(crate) fn known(&self, policy: &Policy) -> Known {
        self.logs_in().0.known.with(|known| known.clone()).following_clock(policy.kdc_timesync())
    }

    /// Takes what a login at a KDC of `realm` has learned.
    pub(crate) fn learn(&self, realm: &str, learned: &Learned) {
        self.logs_in().0.known.with(|known| known.learn(realm, learned));
    }

    pub(crate) fn client(&self) -> &Principal {
        &self.0.client
    }

    /// Who acts for the client, if that is another.
    pub(super) fn on_behalf(&self) -> Option<&OnBehalf> {
        self.0.on_behalf.as_ref()
    }

    /// Whose login the KDC is asked with: the client's own, or that of who acts for it.
    pub(super) fn logs_in(&self) -> &Self {
        self.on_behalf().map_or(self, OnBehalf::own)
    }

    /// The client under the name that its tickets have.
    pub(crate) fn acting(&self) -> Principal {
        self.0.known_as.with(|known_as| known_as.clone()).unwrap_or_else(|| self.0.client.clone())
    }

    /// Takes the name that a login gave its client.
    pub(crate) fn is_known_as(&self, client: &Principal) {
        self.0.known_as.with(|known_as| *known_as = Some(client.clone()));
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    /// The same with a client of `realm`, where its realm was not known. Tickets are kept apart: what holds for one realm may
    /// not for the next.
    pub(crate) fn of_realm(&self, realm: &str) -> Self {
        if !self.client().realm().is_empty() {
            return self.clone();
        }
        let secrets = match self.secrets() {
            Secrets::Password(password) => Secrets::Password(password.clone()),
            Secrets::Keys(keys) => Secrets::Keys(keys.clone()),
            #[cfg(feature = "pkinit")]
            Secrets::Certificate(identity, trust) => Secrets::Certificate(identity.clone(), Arc::clone(trust)),
            Secrets::None => Secrets::None,
        };
        KerberosCredential::new(self.client().clone().with_realm(realm), secrets, Vec::new())
    }

    /// Whether the client can present it: a cache may also hold tickets of other clients, for user-to-user
    /// authentication, and with session keys that nobody here computes with, or that are weak.
    fn can_present(ticket: &HeldTicket, client: &Principal, policy: &Policy) -> bool {
        KerberosCredential::is_its_own(ticket, client, policy) && !ticket.is_skey
    }

    fn is_its_own(ticket: &HeldTicket, client: &Principal, policy: &Policy) -> bool {
        let enctype = ticket.key.enctype();
        let usable = ticket.has_usable_key() && (enctype.is_strong() || policy.permits(enctype));
        ticket.client == *client && usable
    }

    /// A ticket for `server` that has not ended; of several, the one that lasts longest.
    /// One with a weak session key is found only where the policy names it, and there is no other.
    pub(crate) fn find(&self, server: &Principal, policy: &Policy, now: Time) -> Option<Arc<HeldTicket>> {
        let client = self.acting();
        let fits = |ticket: &&Arc<HeldTicket>| {
            ticket.server == *server
                && now < ticket.end_time
                && KerberosCredential::can_present(ticket, &client, policy)
        };
        let better = |ticket: &&Arc<HeldTicket>| (ticket.key.enctype().is_strong(), ticket.end_time);
        self.0.held.with(|held| held.iter().filter(fits).max_by_key(better).cloned())
    }

    /// A ticket for `server`, or for what a KDC has referred to in its place before.
    pub(crate) fn find_for(&self, server: &Principal, policy: &Policy, now: Time) -> Option<Arc<HeldTicket>> {
        let referred = || {
            self.0
                .referred
                .with(|all| all.iter().find(|(asked, _)| asked == server).map(|(_, referred)| referred.clone()))
        };
        self.find(server, policy, now).or_else(|| self.find(&referred()?, policy, now))
    }

    /// A ticket for `server` that was asked for in no realm by name: MIT krb5 keeps those under an empty one in a cache, and where
    /// it is from stands in the ticket itself.
    pub(crate) fn find_of_no_realm(&self, server: &Principal, policy: &Policy, now: Time) -> Option<Arc<HeldTicket>> {
        let held = self.find(&server.clone().with_realm(""), policy, now)?;
        let realm = Ticket::decode(&held.ticket).ok().filter(|ticket| ticket.sname.names(server))?.realm;
        Some(Arc::new(HeldTicket { server: held.server.clone().with_realm(realm), ..(*held).clone() }))
    }

    /// Remembers that a KDC has referred from one realm to another for a service.
    pub(crate) fn refer(&self, asked: &Principal, referred: &Principal) {
        if asked == referred {
            return;
        }
        self.0.referred.with(|all| {
            all.retain(|(earlier, _)| earlier != asked);
            if all.len() >= HELD_LIMIT {
                all.remove(0);
            }
            all.push((asked.clone(), referred.clone()));
        });
    }

    /// A ticket for `server` that is under the session key of the ticket-granting ticket `login`, in DER, and has not ended.
    pub(crate) fn find_user_to_user(
        &self,
        server: &Principal,
        login: &[u8],
        policy: &Policy,
        now: Time,
    ) -> Option<Arc<HeldTicket>> {
        let client = self.acting();
        let fits = |ticket: &&Arc<HeldTicket>| {
            let under = ticket.is_skey
                && ticket.second_ticket == login
                && KerberosCredential::is_its_own(ticket, &client, policy);
            under && ticket.server == *server && now < ticket.end_time
        };
        self.0.held.with(|held| held.iter().filter(fits).max_by_key(|ticket| ticket.end_time).cloned())
    }

    /// A ticket for `server` that has ended, where [`KerberosCredential::find`] finds none that has not.
    pub(crate) fn find_ended(&self, server: &Principal, policy: &Policy) -> Option<Arc<HeldTicket>> {
        let client = self.acting();
        let fits = |ticket: &&Arc<HeldTicket>| {
            ticket.server == *server && KerberosCredential::can_present(ticket, &client, policy)
        };
        self.0.held.with(|held| held.iter().find(fits).cloned())
    }

    /// The time to put into the next proof: `now`, or as little later as it takes to be unlike the last one.
    ///
    /// An AP-REP answers a time (RFC 4120 3.2.4), so no two proofs of a client may have the same.
    pub(crate) fn proof_time(&self, now: Time) -> Time {
        const FURTHEST: Duration = Duration::from_secs(1);
        self.0.last_proof.with(|last| {
            let next = last.saturating_add(Duration::from_micros(1));
            *last = if next > now && next.abs_diff(now) < FURTHEST { next } else { now };
            *last
        })
    }

    pub(crate) fn hold(&self, ticket: Arc<HeldTicket>, now: Time) {
        self.0.held.with(|held| {
            if held.len() >= HELD_LIMIT {
                held.retain(|ticket| now < ticket.end_time);
            }
            if held.len() >= HELD_LIMIT {
                let first_to_end = held.iter().enumerate().min_by_key(|(_, ticket)| ticket.end_time);
                if let Some((index, _)) = first_to_end {
                    held.swap_remove(index);
                }
            }
            held.push(ticket);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::krb5::enctype::Enctype;
    use crate::krb5::message::TicketFlags;

    fn held(name: u8, end: i64) -> HeldTicket {
        HeldTicket {
            client: "alice@R".parse().unwrap(),
            server: "HTTP/web@R".parse().unwrap(),
            key: EncryptionKey::new(Enctype::AES128_CTS_HMAC_SHA1_96, [name; 16]).unwrap(),
            auth_time: Time::EPOCH,
            start_time: None,
            end_time: Time::from_unix_seconds(end),
            renew_till: None,
            is_skey: false,
            flags: TicketFlags::NONE,
            addresses: Vec::new(),
            authorization_data: Vec::new(),
            ticket: Vec::new(),
            second_ticket: Vec::new(),
        }
    }

    #[test]
    fn only_tickets_that_the_client_can_present_are_found() {
        let mine = held(1, 1000);
        let another = HeldTicket { client: "bob@R".parse().unwrap(), ..held(2, 2000) };
        let user_to_user = HeldTicket { is_skey: true, ..held(3, 2000) };
        let unusable = HeldTicket { key: EncryptionKey::unchecked(Enctype(24), [4; 16]), ..held(4, 2000) };
        let ended = held(5, 10);
        for other in [another, user_to_user, unusable, ended] {
            let credential =
                KerberosCredential::new(mine.client.clone(), Secrets::None, Vec::from([mine.clone(), other.clone()]));
            let (policy, now) = (Policy::default(), Time::from_unix_seconds(500));
            let found = credential.find(&mine.server, &policy, now).unwrap();
            assert_eq!(*found, mine);
            let alone = KerberosCredential::new(mine.client.clone(), Secrets::None, Vec::from([other]));
            assert!(alone.find(&mine.server, &policy, now).is_none());
        }
    }

    #[test]
    fn a_ticket_with_a_weak_session_key_is_found_last_and_only_if_the_policy_names_it() {
        let (strong, now) = (held(1, 1000), Time::from_unix_seconds(500));
        let weak = HeldTicket { key: EncryptionKey::new(Enctype::RC4_HMAC, [4; 16]).unwrap(), ..held(4, 2000) };
        let of = |tickets| KerberosCredential::new("alice@R".parse().unwrap(), Secrets::None, tickets);
        let (default, named) = (Policy::default(), Policy::default().weak_rc4());
        let alone = of(Vec::from([weak.clone()]));
        assert!(alone.find(&weak.server, &default, now).is_none());
        assert!(alone.find_ended(&weak.server, &default).is_none());
        assert_eq!(*alone.find(&weak.server, &named, now).unwrap(), weak);
        assert_eq!(*of(Vec::from([strong.clone(), weak])).find(&strong.server, &named, now).unwrap(), strong);
    }

    #[test]
    fn tickets_are_held_up_to_a_limit_and_those_that_end_first_make_room() {
        let now = Time::from_unix_seconds(500);
        let limit = i64::try_from(HELD_LIMIT).unwrap();
        let full = |first_end: i64| {
            let tickets = (0..limit).map(|index| held(1, first_end + index)).collect();
            KerberosCredential::new("alice@R".parse().unwrap(), Secrets::None, tickets)
        };
        let ends = |credential: &KerberosCredential| {
            credential.0.held.with(|held| {
                let mut ends: Vec<i64> = held.iter().map(|ticket| ticket.end_time.unix_seconds()).collect();
                ends.sort_unstable();
                ends
            })
        };
        let lasting = full(501);
        lasting.hold(Arc::new(held(1, 9000)), now);
        let expected: Vec<i64> = (502..501 + limit).chain([9000]).collect();
        assert_eq!(ends(&lasting), expected, "one that ends first is gone");
        let half_ended = full(500 - limit / 2);
        half_ended.hold(Arc::new(held(1, 9000)), now);
        let expected: Vec<i64> = (501..500 + limit / 2).chain([9000]).collect();
        assert_eq!(ends(&half_ended), expected, "all that have ended are gone");
    }

    #[test]
    fn no_two_proofs_have_the_same_time() {
        let client = "alice@EXAMPLE.COM".parse().unwrap();
        let credential = KerberosCredential::new(client, Secrets::None, Vec::new());
        let at = |micros: i64| Time::from_unix_micros(5_000_000 + micros);
        assert_eq!(credential.proof_time(at(0)), at(0));
        assert_eq!(credential.proof_time(at(0)), at(1));
        assert_eq!(credential.proof_time(at(1)), at(2));
        assert_eq!(credential.proof_time(at(10)), at(10));
        assert_eq!(credential.proof_time(at(-2_000_000)), at(-2_000_000), "a clock that was set back is followed");
    }
}
