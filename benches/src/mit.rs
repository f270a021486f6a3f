//! MIT's library as a contender, with tickets of MIT's KDC.

mod string_to_key;

use crate::contender::{Contender, Exchange, Handshakes, Operation, Pair, Past, Result, Tickets, Way, on_threads};
use crate::gssapi::{Buffer, Context, Credential, Gssapi, Name, Usage, establish};
use crate::kdc::{Client, ask, connect, storm};
use crate::realm::{Realm, file};
use crate::{first, heap};
use handfast::Principal;
use handfast::krb5::Keytab;
use handfast_interop::{Enctype, MitClient, MitRealm, TempDir};
use std::collections::HashMap;
use std::fmt;
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
    client: Rc<MitClient>,
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
        let (library, krb5) = (Self::load()?, Libkrb5::load()?);
        Ok(Mit { library, krb5, held: HashMap::new(), dir: TempDir::new("bench"), realm: Rc::clone(realm) })
    }

    /// The library, never to be unloaded.
    pub fn load() -> Result<&'static Gssapi> {
        Gssapi::load(Self::LIBRARY)
    }

    /// The first context of this process, by the environment that its parent gave it.
    pub fn first_context(library: &'static Gssapi, enctype: Enctype) -> Result<()> {
        let target = Name::host_based_service(library, &enctype.service())?;
        let initiator = Credential::acquire(library, None, Usage::Initiate)?;
        let acceptor = Credential::acquire(library, Some(&target), Usage::Accept)?;
        establish(library, &initiator, &target, &acceptor).map(drop)
    }

    /// The credentials for `how`, acquired at its first use, and the environment set for it.
    fn held(&mut self, how: Handshakes) -> Result<&Held> {
        let held = match self.held.remove(&how) {
            Some(held) => held,
            None => self.acquire(how)?,
        };
        set("KRB5_CONFIG", &held.client.config().path().display().to_string());
        set("KRB5RCACHENAME", &self.replay_cache(how));
        Ok(self.held.entry(how).or_insert(held))
    }

    fn replay_cache(&self, how: Handshakes) -> String {
        let file = self.dir.join("replay-cache");
        if how.replay_cache { format!("file2:{}", file.display()) } else { "none:".into() }
    }

    /// Credentials: a memory cache fills itself by `KRB5_CLIENT_KTNAME`, a file has its tickets.
    fn acquire(&self, how: Handshakes) -> Result<Held> {
        let client = self.realm.client(how.enctype);
        let memory = format!("MEMORY:{}", how.enctype.name());
        set("KRB5CCNAME", &if how.tickets == Tickets::File { file(client.ccache()) } else { memory });
        set("KRB5_CONFIG", &client.config().path().display().to_string());
        set("KRB5RCACHENAME", &self.replay_cache(how));
        let target = Name::host_based_service(self.library, &how.enctype.service())?;
        let initiator = Credential::acquire(self.library, None, Usage::Initiate)?;
        let acceptor = Credential::acquire(self.library, Some(&target), Usage::Accept)?;
        let held = Held { initiator, target, acceptor, client };
        let (ours, theirs) = held.sides().establish(self.library)?;
        match (ours.enctype()?, theirs.enctype()?) {
            (ours, theirs) if ours == how.enctype.number() && theirs == ours => Ok(held),
            other => Err(format!("contexts for {how:?} have keys of {other:?}").into()),
        }
    }
}

/// What a handshake needs, to be lent to threads.
#[derive(Clone, Copy)]
struct Sides<'h> {
    initiator: &'h Credential,
    target: &'h Name,
    acceptor: &'h Credential,
}

impl Held {
    fn sides(&self) -> Sides<'_> {
        Sides { initiator: &self.initiator, target: &self.target, acceptor: &self.acceptor }
    }
}

impl Sides<'_> {
    fn establish(&self, library: &'static Gssapi) -> Result<(Context, Context)> {
        establish(library, self.initiator, self.target, self.acceptor)
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

    fn pair(&mut self, enctype: Enctype) -> Result<Box<dyn Pair>> {
        let library = self.library;
        let (initiator, acceptor) = self.held(Handshakes::plain(enctype))?.sides().establish(library)?;
        Ok(Box::new(MitPair { initiator, acceptor, tokens: Vec::new() }))
    }

    fn heap_of_pairs(&mut self, enctype: Enctype, past: Past, count: usize) -> Result<usize> {
        let library = self.library;
        let sides = self.held(Handshakes::plain(enctype))?.sides();
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
    fn kdc(&mut self, exchange: Exchange, way: Way, count: usize) -> Result<Option<Duration>> {
        if way == Way::Call {
            return Ok(None);
        }
        let keytab = Keytab::decode(&std::fs::read(self.realm.user_keytab())?)?;
        let name = |text| Principal::parse_with_realm(text, MitRealm::NAME);
        let client = Client::new(name("alice")?, &keytab, name("HTTP/localhost")?);
        let socket = connect(self.realm.kdc())?;
        let requests = client.requests(exchange, count, &mut |request| ask(&socket, request))?;
        storm(&socket, exchange, &requests).map(Some)
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
