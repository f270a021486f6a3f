//! The whole of it: a realm with a user and a service, a login, a ticket, both tokens, messages each way.

use crate::source::Counting;
use alloc::sync::Arc;
use alloc::vec::Vec;
use handfast::crypto::Random;
use handfast::{
    Accept, Acceptor, Context, Credential, Flags, Initiate, Initiator, Policy, Principal, ReplayGuard, Time,
};
use handfast_kdc::{MemoryDirectory, PrincipalEntry, Realm, Request, Settings, Transport};

/// The step that failed.
#[derive(Clone, Copy)]
pub(crate) enum Failed {
    Names,
    Realm,
    Initiator,
    Kdc,
    Acceptor,
    Identity,
    Message,
    Tampering,
    Replay,
}

impl Failed {
    /// The number that the C side shows: 1 for names, and on in the order of the steps.
    pub(crate) fn number(self) -> i32 {
        self as i32 + 1
    }
}

/// Replaces an error by the step that it happened in.
trait At<T> {
    fn at(self, step: Failed) -> Result<T, Failed>;
}

impl<T, E> At<T> for Result<T, E> {
    fn at(self, step: Failed) -> Result<T, Failed> {
        self.map_err(|_| step)
    }
}

fn ensure(holds: bool, step: Failed) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(step) }
}

const NOW: Time = Time::from_unix_seconds(1_700_000_000);

pub(crate) fn run() -> Result<(), Failed> {
    let random: Arc<dyn Random> = Arc::new(Counting::new());
    let alice: Principal = "alice@EXAMPLE.COM".parse().at(Failed::Names)?;
    let service: Principal = "HTTP/www.example.com@EXAMPLE.COM".parse().at(Failed::Names)?;

    let mut directory = MemoryDirectory::new("EXAMPLE.COM", &*random, NOW).at(Failed::Realm)?;
    directory.insert(PrincipalEntry::user(alice.clone(), b"correct horse", NOW).at(Failed::Realm)?);
    directory.insert(PrincipalEntry::service(service.clone(), &*random, NOW).at(Failed::Realm)?);
    let keytab = directory.keytab(&service);
    let realm = Realm::new("EXAMPLE.COM", Arc::new(directory), Settings::default(), Arc::clone(&random));

    let acceptor = Acceptor::with_random(&keytab, Some(ReplayGuard::in_memory()), Arc::clone(&random));
    let initiator = Initiator::with_random(Policy::default(), random);
    let credential = Credential::password(alice.clone(), "correct horse");
    let (mut client, mut server, first_token) = connect(&initiator, &credential, &service, &acceptor, &realm)?;

    ensure(client.peer().principal() == Some(&service), Failed::Identity)?;
    ensure(server.peer().principal() == Some(&alice), Failed::Identity)?;
    ensure(client.flags().contains(Flags::MUTUAL | Flags::CONFIDENTIALITY), Failed::Identity)?;
    ensure(client.session_key() == server.session_key(), Failed::Identity)?;
    talk(&mut client, &mut server)?;
    talk(&mut server, &mut client)?;

    let replayed = acceptor.session().begin().step(&first_token, NOW, &mut Vec::new());
    ensure(replayed.is_err(), Failed::Replay)
}

/// Both contexts, and the client's token.
fn connect(
    initiator: &Initiator,
    credential: &Credential,
    service: &Principal,
    acceptor: &Acceptor,
    realm: &Realm,
) -> Result<(Context, Context, Vec<u8>), Failed> {
    let target = service.clone().into();
    let mut token = Vec::new();
    let mut step = initiator.to(&target).credential(credential).begin(NOW, &mut token).at(Failed::Initiator)?;
    while let Initiate::NeedsKdc(next) = step {
        let request = Request { bytes: &next.request().bytes, transport: Transport::Tcp, peer: None };
        let reply = realm.handle(&request, NOW).reply.ok_or(Failed::Kdc)?;
        step = next.reply(&reply, NOW, &mut token).at(Failed::Kdc)?;
    }
    let Initiate::NeedsToken(waiting) = step else { return Err(Failed::Initiator) };
    let mut answer = Vec::new();
    let accepted = acceptor.session().begin().step(&token, NOW, &mut answer).at(Failed::Acceptor)?;
    let Accept::Complete(server) = accepted else { return Err(Failed::Acceptor) };
    let completed = waiting.step(&answer, NOW, &mut Vec::new()).at(Failed::Initiator)?;
    let Initiate::Complete(client) = completed else { return Err(Failed::Initiator) };
    Ok((client, server, token))
}

/// A sealed and a signed message; a changed one does not pass.
fn talk(sender: &mut Context, receiver: &mut Context) -> Result<(), Failed> {
    let mut token = Vec::new();
    sender.seal(b"attack at dawn", &mut token).at(Failed::Message)?;
    let mut changed = token.clone();
    if let Some(last) = changed.last_mut() {
        *last ^= 1;
    }
    ensure(receiver.unseal(&mut changed).is_err(), Failed::Tampering)?;
    ensure(receiver.unseal(&mut token).at(Failed::Message)? == b"attack at dawn", Failed::Message)?;

    let mut signature = Vec::new();
    sender.sign(b"signed", &mut signature).at(Failed::Message)?;
    ensure(receiver.verify(b"Signed", &signature).is_err(), Failed::Tampering)?;
    receiver.verify(b"signed", &signature).at(Failed::Message).map(drop)
}
