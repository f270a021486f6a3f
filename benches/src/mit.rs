//! MIT's library as a contender, with tickets of MIT's KDC; for NTLM with gss-ntlmssp as its plug-in, if it is installed.

mod string_to_key;

use crate::contender::{
    Contender, Exchange, Handshakes, NotThisWay, Operation, Package, Pair, Past, Result, Tickets, Way, on_threads,
};
use crate::gssapi::{Buffer, Context, Credential, Gssapi, KERBEROS, NTLM, Name, Offer, Proof, Usage, establish};
use crate::kdc::{Client, ask, connect, storm};
use crate::realm::{Realm, file};
use crate::{first, heap, ntlm};
use handfast::Principal;
use handfast::krb5::Keytab;
use handfast_interop::{Enctype, MitRealm, TempDir};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use string_to_key::Libkrb5;

/// MIT's library. It is told everything by environment variables, which are set here.
pub struct Mit {
    library: &'static Gssapi,
    krb5: Libkrb5,
    held: HashMap<Handshakes, Held>,
    dir: TempDir,
    realm: Rc<Realm>,
}

impl fmt::Debug for Mit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mit").finish_non_exhaustive()
    }
}

/// What a program would hold as long as it runs.
struct Held {
    initiator: Credential,
    target: Name,
    acceptor: Credential,
    proof: Proof,
    config: PathBuf,
}

impl Mit {
    /// The library's name, as Debian's package libgssapi-krb5-2 installs it.
    pub const LIBRARY: &'static str = "libgssapi_krb5.so.2";

    /// Loads the library.
    ///
    /// # Safety
    /// Sets environment variables, here and in every later call: while one runs, no thread that it has not started
    /// itself may read or write the environment.
    pub unsafe fn start(realm: &Rc<Realm>) -> Result<Self> {
        set("KRB5_KTNAME", &file(realm.service_keytab()));
        set("KRB5_CLIENT_KTNAME", &file(realm.user_keytab()));
        let dir = TempDir::new("bench");
        set("NTLM_USER_FILE", &dir.write("ntlm", user_file()).display().to_string());
        set("NETBIOS_COMPUTER_NAME", ntlm::SERVER);
        set("NETBIOS_DOMAIN_NAME", ntlm::DOMAIN);
        let (library, krb5) = (Self::load()?, Libkrb5::load()?);
        Ok(Mit { library, krb5, held: HashMap::new(), dir, realm: Rc::clone(realm) })
    }

    /// Whether the plug-in gss-ntlmssp is installed.
    pub fn has_ntlm(&self) -> bool {
        self.library.has(&NTLM)
    }

    /// The library, never to be unloaded.
    pub fn load() -> Result<&'static Gssapi> {
        Gssapi::load(Self::LIBRARY)
    }

    /// The first context of this process, by the environment that its parent gave it.
    pub fn first_context(library: &'static Gssapi, enctype: Enctype) -> Result<()> {
        let target = Name::host_based_service(library, &enctype.service())?;
        let initiator = Credential::acquire(library, Offer::Raw(&KERBEROS), None, Usage::Initiate)?;
        let acceptor = Credential::acquire(library, Offer::Raw(&KERBEROS), Some(&target), Usage::Accept)?;
        establish(library, &initiator, &target, &acceptor, Proof::Mutual).map(drop)
    }

    /// The credentials for `how`, acquired at its first use, and the environment set for it.
    fn held(&mut self, how: Handshakes) -> Result<&Held> {
        let held = match self.held.remove(&how) {
            Some(held) => held,
            None => self.acquire(how)?,
        };
        set("KRB5_CONFIG", &held.config.display().to_string());
        set("KRB5RCACHENAME", &self.replay_cache(how));
        Ok(self.held.entry(how).or_insert(held))
    }

    fn replay_cache(&self, how: Handshakes) -> String {
        let file = self.dir.join("replay-cache");
        if how.replay_cache { format!("file2:{}", file.display()) } else { "none:".into() }
    }

    fn acquire(&self, how: Handshakes) -> Result<Held> {
        match how.package {
            Package::Kerberos(enctype) => self.acquire_kerberos(how, Offer::Raw(&KERBEROS), enctype),
            Package::NegotiateKerberos(enctype) => self.acquire_kerberos(how, Offer::Negotiated(&KERBEROS), enctype),
            Package::Ntlm => self.acquire_ntlm(Offer::Raw(&NTLM)),
            Package::NegotiateNtlm => self.acquire_ntlm(Offer::Negotiated(&NTLM)),
        }
    }

    /// Credentials: a memory cache fills itself by `KRB5_CLIENT_KTNAME`, a file has its tickets.
    fn acquire_kerberos(&self, how: Handshakes, offer: Offer, enctype: Enctype) -> Result<Held> {
        let client = self.realm.client(enctype);
        let memory = format!("MEMORY:{}", enctype.name());
        set("KRB5CCNAME", &if how.tickets == Tickets::File { file(client.ccache()) } else { memory });
        set("KRB5_CONFIG", &client.config().path().display().to_string());
        set("KRB5RCACHENAME", &self.replay_cache(how));
        let target = Name::host_based_service(self.library, &enctype.service())?;
        let initiator = Credential::acquire(self.library, offer, None, Usage::Initiate)?;
        let acceptor = Credential::acquire(self.library, offer, Some(&target), Usage::Accept)?;
        let config = client.config().path();
        let held = Held { initiator, target, acceptor, proof: Proof::Mutual, config };
        let (ours, theirs) = held.sides().establish(self.library)?;
        match (ours.enctype()?, theirs.enctype()?) {
            (ours, theirs) if ours == enctype.number() && theirs == ours => Ok(held),
            other => Err(format!("contexts for {how:?} have keys of {other:?}").into()),
        }
    }

    /// Credentials by `NTLM_USER_FILE`, which the acceptor checks responses with, too.
    fn acquire_ntlm(&self, offer: Offer) -> Result<Held> {
        if !self.has_ntlm() {
            return Err(NotThisWay.into());
        }
        let target = Name::host_based_service(self.library, ntlm::SERVICE)?;
        let initiator = Credential::acquire(self.library, offer, None, Usage::Initiate)?;
        let acceptor = Credential::acquire(self.library, offer, None, Usage::Accept)?;
        let config = self.realm.client(Enctype::Aes256Sha1).config().path();
        Ok(Held { initiator, target, acceptor, proof: Proof::Initiator, config })
    }
}

/// The accounts of gss-ntlmssp: a line `domain:user:password` for each.
fn user_file() -> String {
    format!("{}:{}:{}\n", ntlm::DOMAIN, ntlm::USER, ntlm::PASSWORD)
}

/// What a handshake needs, to be lent to threads.
#[derive(Clone, Copy)]
struct Sides<'h> {
    initiator: &'h Credential,
    target: &'h Name,
    acceptor: &'h Credential,
    proof: Proof,
}

impl Held {
    fn sides(&self) -> Sides<'_> {
        Sides { initiator: &self.initiator, target: &self.target, acceptor: &self.acceptor, proof: self.proof }
    }
}

impl Sides<'_> {
    fn establish(&self, library: &'static Gssapi) -> Result<(Context, Context)> {
        establish(library, self.initiator, self.target, self.acceptor, self.proof)
    }
}

/// Sets an environment variable of this process.
fn set(name: &str, value: &str) {
    // SAFETY: `Mit::start`'s caller answers for it that no other thread uses the environment; the threads that are
    // started here have ended when this is called.
    unsafe { std::env::set_var(name, value) };
}

impl Contender for Mit {
    fn name(&self) -> &'static str {
        "MIT"
    }

    fn handshakes(&mut self, how: Handshakes, threads: usize, count: usize) -> Result<()> {
        let library = self.library;
        let sides = self.held(how)?.sides();
        on_threads(threads, || {
            (0..count).try_for_each(|_| sides.establish(library).map(drop)).map_err(|error| error.to_string())
        })
    }

    fn pair(&mut self, package: Package) -> Result<Box<dyn Pair>> {
        let library = self.library;
        let (initiator, acceptor) = self.held(Handshakes::plain(package))?.sides().establish(library)?;
        Ok(Box::new(MitPair { initiator, acceptor, tokens: Vec::new() }))
    }

    fn heap_of_pairs(&mut self, package: Package, past: Past, count: usize) -> Result<usize> {
        let library = self.library;
        let sides = self.held(Handshakes::plain(package))?.sides();
        let mut pairs = Vec::with_capacity(count);
        let before = heap::in_use();
        for _ in 0..count {
            let (mut ours, mut theirs) = sides.establish(library)?;
            if past == Past::Used {
                exchange(&mut ours, &mut theirs)?;
                exchange(&mut theirs, &mut ours)?;
            }
            pairs.push((ours, theirs));
        }
        Ok(heap::in_use().saturating_sub(before))
    }

    fn first_context(&mut self, enctype: Enctype) -> Result<Duration> {
        first::measure(self.name(), enctype, &self.realm.files(enctype)?)
    }

    fn string_to_key(&mut self, enctype: Enctype, count: usize) -> Result<()> {
        (0..count).try_for_each(|_| self.krb5.string_to_key(enctype.number(), b"password", b"MIT.TESTalice"))
    }

    /// Of `krb5kdc`, a process of its own, which as configured by default writes each login to its database.
    fn kdc(&mut self, exchange: Exchange, way: Way, count: usize) -> Result<Duration> {
        if way == Way::Call {
            return Err(NotThisWay.into());
        }
        let keytab = Keytab::decode(&std::fs::read(self.realm.user_keytab())?)?;
        let name = |text| Principal::parse_with_realm(text, MitRealm::NAME);
        let client = Client::new(name("alice")?, &keytab, name("HTTP/localhost")?);
        let socket = connect(self.realm.kdc())?;
        let requests = client.requests(exchange, count, &mut |request| ask(&socket, request))?;
        storm(&socket, exchange, &requests)
    }
}

/// One message sealed, one signed, from one side to the other.
fn exchange(from: &mut Context, to: &mut Context) -> Result<()> {
    let token = from.wrap(b"message")?;
    to.unwrap(token.bytes())?;
    let signature = from.get_mic(b"message")?;
    to.verify_mic(b"message", signature.bytes())
}

struct MitPair {
    initiator: Context,
    acceptor: Context,
    tokens: Vec<Buffer>,
}

impl Pair for MitPair {
    fn prepare(&mut self, operation: Operation, message: &[u8], count: usize) -> Result<()> {
        let token = self.initiator.wrap(message)?;
        if self.acceptor.unwrap(token.bytes())?.bytes() != message {
            return Err("gss_unwrap gives another message than gss_wrap got".into());
        }
        self.tokens.clear();
        for _ in 0..count {
            match operation {
                Operation::Unseal => self.tokens.push(self.initiator.wrap(message)?),
                Operation::Verify => self.tokens.push(self.initiator.get_mic(message)?),
                Operation::Seal | Operation::Sign => {}
            }
        }
        Ok(())
    }

    fn run(&mut self, operation: Operation, message: &[u8], count: usize) -> Result<()> {
        match operation {
            Operation::Seal => (0..count).try_for_each(|_| self.initiator.wrap(message).map(drop)),
            Operation::Sign => (0..count).try_for_each(|_| self.initiator.get_mic(message).map(drop)),
            Operation::Unseal => self.tokens.iter().try_for_each(|token| self.acceptor.unwrap(token.bytes()).map(drop)),
            Operation::Verify => {
                self.tokens.iter().try_for_each(|token| self.acceptor.verify_mic(message, token.bytes()))
            }
        }
    }
}
