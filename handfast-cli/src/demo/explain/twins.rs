//! Both ends of an NTLM handshake that was recorded, played again.

use super::Keys;
use super::ntlm::Claim;
use crate::demo::Trouble;
use crate::demo::stage::ntlm_server;
use handfast::crypto::{Random, RandomError};
use handfast::krb5::KeytabEntry;
use handfast::mech::negotiate::message::NegotiationToken;
use handfast::{Accept, Acceptor, Context, Credential, Initiate, Initiator, Policy, ReplayGuard, ServiceName, Time};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The contexts that both ends came to.
pub(super) struct Twins {
    pub(super) client: Context,
    pub(super) server: Context,
    /// What the server says in the end; nothing without Negotiate.
    pub(super) last_word: Vec<u8>,
}

/// Randomness that was drawn before.
struct Recorded(Mutex<VecDeque<u8>>);

impl Random for Recorded {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        out.iter_mut().try_for_each(|octet| drawn.pop_front().map(|next| *octet = next).ok_or(RandomError))
    }
}

fn recorded(drawn: &[&[u8]]) -> Arc<Recorded> {
    Arc::new(Recorded(Mutex::new(drawn.concat().into())))
}

impl Twins {
    /// Plays the three tokens again: the server with its challenge and the account's secret, and then the client with its own
    /// challenge and the key that the server found.
    pub(super) fn play(
        tokens: [&[u8]; 3],
        server_challenge: &[u8],
        time: Time,
        claim: &Claim,
        keys: &Keys,
    ) -> Result<Twins, Trouble> {
        let target: ServiceName = claim.target.parse()?;
        let (server, last_word) = server(tokens, server_challenge, time, &target, keys)?;
        let random = recorded(&[&claim.client_challenge, server.session_key().expose()]);
        let client = client(tokens, &last_word, random, claim, &target, keys)?;
        Ok(Twins { client, server, last_word })
    }
}

fn server(
    [offer, answer, proof]: [&[u8]; 3],
    server_challenge: &[u8],
    time: Time,
    target: &ServiceName,
    keys: &Keys,
) -> Result<(Context, Vec<u8>), Trouble> {
    let entry = |(principal, key): &(_, _)| KeytabEntry {
        principal: Clone::clone(principal),
        timestamp: time,
        kvno: 1,
        key: Clone::clone(key),
    };
    let keytab = keys.tickets.iter().map(entry).collect();
    let acceptor = Acceptor::with_random(&keytab, Some(ReplayGuard::in_memory()), recorded(&[server_challenge]))
        .dangerous_with_ntlm(ntlm_server(target.clone()));
    let mut out = Vec::new();
    let Accept::NeedsToken(next) = acceptor.session().begin().step(offer, time, &mut out)? else { return Err(other()) };
    same(&out, answer)?;
    out.clear();
    let Accept::NeedsAccount(next) = next.step(proof, time, &mut out)? else { return Err(other()) };
    let account = keys.accounts.find(next.logon());
    let Accept::Complete(context) = next.answer(account, time, &mut out)? else { return Err(other()) };
    Ok((context, out))
}

fn client(
    [offer, answer, proof]: [&[u8]; 3],
    last_word: &[u8],
    random: Arc<Recorded>,
    claim: &Claim,
    target: &ServiceName,
    keys: &Keys,
) -> Result<Context, Trouble> {
    let initiator = Initiator::with_random(Policy::default().dangerous_ntlm_unproven_server(), random);
    let credential = Credential::ntlm_hash(&claim.domain, &claim.user, keys.accounts.nt_hash.clone());
    let target = initiator.to(target).credential(&credential).ntlm();
    let target = if NegotiationToken::is_one(offer) { target.negotiate() } else { target };
    let mut out = Vec::new();
    let Initiate::NeedsToken(next) = target.begin(Time::EPOCH, &mut out)? else { return Err(other()) };
    same(&out, offer)?;
    out.clear();
    let step = next.step(answer, Time::EPOCH, &mut out)?;
    same(&out, proof)?;
    let step = match step {
        Initiate::NeedsToken(next) => next.step(last_word, Time::EPOCH, &mut Vec::new())?,
        step => step,
    };
    if let Initiate::Complete(context) = step { Ok(context) } else { Err(other()) }
}

/// What a twin says is what was said.
pub(super) fn same(twin: &[u8], passed: &[u8]) -> Result<(), Trouble> {
    if twin == passed { Ok(()) } else { Err(Trouble::new("a token that its end would not make")) }
}

fn other() -> Trouble {
    Trouble::new("a handshake that goes another way when it is played again")
}
