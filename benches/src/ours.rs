//! Handfast as a contender, with the tickets and the keytab that MIT's programs made.

mod kdc;

use self::kdc::OurKdc;
use crate::contender::{Contender, Exchange, Handshakes, Operation, Pair, Past, Result, Tickets, Way, on_threads};
use crate::first;
use crate::heap;
use crate::realm::{Files, Realm};
use handfast::krb5::enctype::{self, string_to_key};
use handfast::krb5::{Ccache, Keytab};
use handfast::{
    Accept, Acceptor, Context, Credential, Flags, Initiate, Initiator, Policy, ReplayGuard, ServiceName, Time,
};
use handfast_interop::Enctype;
use handfast_net::store::CcacheFile;
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Handfast.
pub struct Handfast {
    realm: Rc<Realm>,
    held: HashMap<Handshakes, Held>,
    kdc: Option<OurKdc>,
}

impl fmt::Debug for Handfast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handfast").finish_non_exhaustive()
    }
}

/// What a program would hold as long as it runs.
struct Held {
    initiator: Initiator,
    tickets: Source,
    target: ServiceName,
    acceptor: Acceptor,
}

enum Source {
    Memory(Credential),
    File(Mutex<TicketFile>),
}

/// A credential cache on disk, and the credential of what was in it last.
struct TicketFile {
    file: CcacheFile,
    read: Arc<Ccache>,
    credential: Credential,
}

impl TicketFile {
    fn open(path: &Path) -> Result<Self> {
        let file = CcacheFile::new(path);
        let read = file.load()?;
        Ok(TicketFile { file, credential: Credential::tickets(&read), read })
    }

    /// The store reads the file again when it is another one than before, and gives the same value when not.
    fn credential(&mut self) -> Result<Credential> {
        let now = self.file.load()?;
        if !Arc::ptr_eq(&now, &self.read) {
            self.credential = Credential::tickets(&now);
            self.read = now;
        }
        Ok(self.credential.clone())
    }
}

fn read_tickets(path: &Path) -> Result<Credential> {
    Ok(Credential::tickets(&Ccache::decode(&fs::read(path)?)?))
}

impl Held {
    fn acquire(how: Handshakes, files: &Files) -> Result<Self> {
        let tickets = match how.tickets {
            Tickets::Memory => Source::Memory(read_tickets(&files.ccache)?),
            Tickets::File => Source::File(Mutex::new(TicketFile::open(&files.ccache)?)),
        };
        let keytab = Keytab::decode(&fs::read(&files.keytab)?)?;
        let acceptor = match how.replay_cache {
            true => Acceptor::new(&keytab, ReplayGuard::in_memory()),
            false => Acceptor::dangerous_without_replay_guard(&keytab),
        };
        let target = how.enctype.service().parse()?;
        let held = Held { initiator: Initiator::new(Policy::default()), tickets, target, acceptor };
        check(&held.establish()?, how.enctype)?;
        Ok(held)
    }

    /// Sets up a mutually authenticated context: the initiator's side and the acceptor's.
    fn establish(&self) -> Result<(Context, Context)> {
        match &self.tickets {
            Source::Memory(credential) => self.establish_with(credential),
            Source::File(file) => {
                let credential = file.lock().unwrap_or_else(PoisonError::into_inner).credential()?;
                self.establish_with(&credential)
            }
        }
    }

    fn establish_with(&self, credential: &Credential) -> Result<(Context, Context)> {
        let (mut first, mut answer, mut last) = (Vec::new(), Vec::new(), Vec::new());
        let ours = self.initiator.to(&self.target).credential(credential).begin(now(), &mut first)?;
        let theirs = self.acceptor.session().begin().step(&first, now(), &mut answer)?;
        let Initiate::NeedsToken(ours) = ours else { return Err("the initiator needs no answer".into()) };
        match (ours.step(&answer, now(), &mut last)?, theirs) {
            (Initiate::Complete(ours), Accept::Complete(theirs)) if last.is_empty() => Ok((ours, theirs)),
            _ => Err("the handshake is not complete after two tokens".into()),
        }
    }
}

/// The handshake has given what the other contenders' is checked for.
fn check((ours, theirs): &(Context, Context), enctype: Enctype) -> Result<()> {
    let flags = Flags::MUTUAL | Flags::REPLAY | Flags::CONFIDENTIALITY | Flags::INTEGRITY;
    let expected = Some(enctype::Enctype(enctype.number()));
    for context in [ours, theirs] {
        if context.enctype() != expected || !context.flags().contains(flags) {
            return Err(
                format!("not a context with keys of {} and flags {flags:?}: {context:?}", enctype.name()).into()
            );
        }
    }
    Ok(())
}

fn now() -> Time {
    SystemTime::now().into()
}

/// The first context of this process.
pub fn first_context(enctype: Enctype, files: &Files) -> Result<()> {
    Held::acquire(Handshakes::plain(enctype), files).map(drop)
}

impl Handfast {
    /// Nothing is read before it is needed.
    pub fn new(realm: &Rc<Realm>) -> Self {
        Handfast { realm: Rc::clone(realm), held: HashMap::new(), kdc: None }
    }

    fn held(&mut self, how: Handshakes) -> Result<&Held> {
        let held = match self.held.remove(&how) {
            Some(held) => held,
            None => Held::acquire(how, &self.realm.files(how.enctype)?)?,
        };
        Ok(self.held.entry(how).or_insert(held))
    }
}

impl Contender for Handfast {
    fn name(&self) -> &'static str {
        "handfast"
    }

    fn handshakes(&mut self, how: Handshakes, threads: usize, count: usize) -> Result<()> {
        let held = self.held(how)?;
        on_threads(threads, || {
            (0..count).try_for_each(|_| held.establish().map(drop)).map_err(|error| error.to_string())
        })
    }

    fn pair(&mut self, enctype: Enctype) -> Result<Box<dyn Pair>> {
        let (initiator, acceptor) = self.held(Handshakes::plain(enctype))?.establish()?;
        Ok(Box::new(HandfastPair { initiator, acceptor, tokens: Vec::new(), output: Vec::new() }))
    }

    fn heap_of_pairs(&mut self, enctype: Enctype, past: Past, count: usize) -> Result<usize> {
        let held = self.held(Handshakes::plain(enctype))?;
        let mut pairs = Vec::with_capacity(count);
        let before = heap::in_use();
        for _ in 0..count {
            let (mut ours, mut theirs) = held.establish()?;
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
        let enctype = enctype::Enctype(enctype.number());
        for _ in 0..count {
            string_to_key(enctype, b"password", b"MIT.TESTalice", None)?;
        }
        Ok(())
    }

    fn kdc(&mut self, exchange: Exchange, way: Way, count: usize) -> Result<Option<Duration>> {
        let kdc = match self.kdc.take() {
            Some(kdc) => kdc,
            None => OurKdc::start()?,
        };
        self.kdc.insert(kdc).requests(exchange, way, count).map(Some)
    }
}

/// One message sealed, one signed, from one side to the other.
fn exchange(from: &mut Context, to: &mut Context) -> Result<()> {
    let (mut token, mut signature) = (Vec::new(), Vec::new());
    from.seal(b"message", &mut token)?;
    to.unseal(&mut token)?;
    from.sign(b"message", &mut signature)?;
    to.verify(b"message", &signature)?;
    Ok(())
}

struct HandfastPair {
    initiator: Context,
    acceptor: Context,
    tokens: Vec<Vec<u8>>,
    output: Vec<u8>,
}

impl Pair for HandfastPair {
    fn prepare(&mut self, operation: Operation, message: &[u8], count: usize) -> Result<()> {
        let mut token = Vec::new();
        self.initiator.seal(message, &mut token)?;
        if self.acceptor.unseal(&mut token)? != message {
            return Err("unseal gives another message than seal got".into());
        }
        self.tokens.clear();
        for _ in 0..count {
            let mut token = Vec::new();
            match operation {
                Operation::Unseal => self.initiator.seal(message, &mut token)?,
                Operation::Verify => self.initiator.sign(message, &mut token)?,
                Operation::Seal | Operation::Sign => continue,
            }
            self.tokens.push(token);
        }
        Ok(())
    }

    fn run(&mut self, operation: Operation, message: &[u8], count: usize) -> Result<()> {
        match operation {
            Operation::Seal => (0..count).try_for_each(|_| {
                self.output.clear();
                self.initiator.seal(message, &mut self.output)
            })?,
            Operation::Sign => (0..count).try_for_each(|_| {
                self.output.clear();
                self.initiator.sign(message, &mut self.output)
            })?,
            Operation::Unseal => self.tokens.iter_mut().try_for_each(|token| self.acceptor.unseal(token).map(drop))?,
            Operation::Verify => {
                self.tokens.iter().try_for_each(|token| self.acceptor.verify(message, token).map(drop))?;
            }
        }
        Ok(())
    }
}
