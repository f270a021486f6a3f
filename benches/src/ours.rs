//! Handfast as a contender, with the tickets and the keytab that MIT's programs made, and with gss-ntlmssp's account.

mod kdc;

use self::kdc::OurKdc;
use crate::contender::{
    Contender, Exchange, Handshakes, Operation, Package, Pair, Past, Result, Tickets, Way, on_threads,
};
use crate::realm::{Files, Realm};
use crate::{first, heap, ntlm};
use handfast::krb5::enctype::{self, string_to_key};
use handfast::krb5::{Ccache, Keytab};
use handfast::mech::ntlm::nt_hash;
use handfast::mech::{MechanismId, Why};
use handfast::{
    Accept, Acceptor, Account, Context, Credential, Flags, Initiate, Initiator, NtlmServer, Policy, ReplayGuard,
    ServiceName, Time,
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
    source: Source,
    target: ServiceName,
    negotiate: bool,
    acceptor: Acceptor,
    account: Account,
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
    fn kerberos(how: Handshakes, enctype: Enctype, files: &Files) -> Result<Self> {
        let source = match how.tickets {
            Tickets::Memory => Source::Memory(read_tickets(&files.ccache)?),
            Tickets::File => Source::File(Mutex::new(TicketFile::open(&files.ccache)?)),
        };
        let keytab = Keytab::decode(&fs::read(&files.keytab)?)?;
        let acceptor = match how.replay_cache {
            true => Acceptor::new(&keytab, ReplayGuard::in_memory()),
            false => Acceptor::dangerous_without_replay_guard(&keytab),
        };
        let (initiator, target) = (Initiator::new(Policy::default()), enctype.service().parse()?);
        let negotiate = matches!(how.package, Package::NegotiateKerberos(_));
        let held = Held { initiator, source, target, negotiate, acceptor, account: Account::Refused };
        let expected = Some(enctype::Enctype(enctype.number()));
        held.check(Flags::MUTUAL | protection(), |context| context.enctype() == expected)?;
        Ok(held)
    }

    fn ntlm(negotiate: bool) -> Result<Self> {
        let held = Held {
            negotiate,
            initiator: Initiator::new(Policy::default().dangerous_ntlm_unproven_server()),
            source: Source::Memory(Credential::ntlm_password(ntlm::DOMAIN, ntlm::USER, ntlm::PASSWORD)),
            target: ntlm::SERVICE.parse()?,
            acceptor: Acceptor::dangerous_without_replay_guard(&Keytab::new())
                .dangerous_with_ntlm(NtlmServer::new(ntlm::SERVER, ntlm::DOMAIN)),
            account: Account::NtHash(nt_hash(ntlm::PASSWORD)),
        };
        held.check(protection(), |context| context.mechanism() == MechanismId::NTLM)?;
        Ok(held)
    }

    /// Sets up a context: the initiator's side and the acceptor's.
    fn establish(&self) -> Result<(Context, Context)> {
        match &self.source {
            Source::Memory(credential) => self.establish_with(credential),
            Source::File(file) => {
                let credential = file.lock().unwrap_or_else(PoisonError::into_inner).credential()?;
                self.establish_with(&credential)
            }
        }
    }

    fn establish_with(&self, credential: &Credential) -> Result<(Context, Context)> {
        let (mut token, mut answer) = (Vec::new(), Vec::new());
        let target = self.initiator.to(&self.target).credential(credential);
        let target = if self.negotiate { target.negotiate() } else { target };
        let mut ours = target.begin(now(), &mut token)?;
        let mut theirs = Accept::NeedsToken(self.acceptor.session().begin());
        while !token.is_empty() {
            answer.clear();
            theirs = self.accept(theirs, &token, &mut answer)?;
            token.clear();
            if !answer.is_empty() {
                ours = initiate(ours, &answer, &mut token)?;
            }
        }
        match (ours, theirs) {
            (Initiate::Complete(ours), Accept::Complete(theirs)) => Ok((ours, theirs)),
            other => Err(format!("the handshake stopped: {other:?}").into()),
        }
    }

    /// One step of the acceptor, who knows one account.
    fn accept(&self, side: Accept, token: &[u8], answer: &mut Vec<u8>) -> Result<Accept> {
        let Accept::NeedsToken(next) = side else { return Err("a token for an acceptor that needs none".into()) };
        match next.step(token, now(), answer)? {
            Accept::NeedsAccount(next) if next.logon().user == ntlm::USER => {
                Ok(next.answer(self.account.clone(), now(), answer)?)
            }
            step => Ok(step),
        }
    }

    /// The handshake gives what the other contenders' is checked for.
    fn check(&self, flags: Flags, expected: impl Fn(&Context) -> bool) -> Result<()> {
        let (ours, theirs) = self.establish()?;
        for context in [ours, theirs] {
            let why = if self.negotiate { Why::FirstChoice } else { Why::Raw };
            if !expected(&context) || *context.why() != why || !context.flags().contains(flags) {
                return Err(format!("not a context as it should be, with flags {flags:?}: {context:?}").into());
            }
        }
        Ok(())
    }
}

/// What every context must have.
fn protection() -> Flags {
    Flags::REPLAY | Flags::CONFIDENTIALITY | Flags::INTEGRITY
}

/// One step of the initiator.
fn initiate(side: Initiate, token: &[u8], answer: &mut Vec<u8>) -> Result<Initiate> {
    let Initiate::NeedsToken(next) = side else { return Err("a token for an initiator that needs none".into()) };
    Ok(next.step(token, now(), answer)?)
}

fn now() -> Time {
    SystemTime::now().into()
}

/// The first context of this process.
pub fn first_context(enctype: Enctype, files: &Files) -> Result<()> {
    Held::kerberos(Handshakes::plain(enctype), enctype, files).map(drop)
}

impl Handfast {
    /// Nothing is read before it is needed.
    pub fn new(realm: &Rc<Realm>) -> Self {
        Handfast { realm: Rc::clone(realm), held: HashMap::new(), kdc: None }
    }

    fn held(&mut self, how: Handshakes) -> Result<&Held> {
        let held = match self.held.remove(&how) {
            Some(held) => held,
            None => self.acquire(how)?,
        };
        Ok(self.held.entry(how).or_insert(held))
    }
}

impl Handfast {
    fn acquire(&self, how: Handshakes) -> Result<Held> {
        match how.package {
            Package::Kerberos(enctype) | Package::NegotiateKerberos(enctype) => {
                Held::kerberos(how, enctype, &self.realm.files(enctype)?)
            }
            Package::Ntlm => Held::ntlm(false),
            Package::NegotiateNtlm => Held::ntlm(true),
        }
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

    fn pair(&mut self, package: Package) -> Result<Box<dyn Pair>> {
        let (initiator, acceptor) = self.held(Handshakes::plain(package))?.establish()?;
        Ok(Box::new(HandfastPair { initiator, acceptor, tokens: Vec::new(), output: Vec::new() }))
    }

    fn heap_of_pairs(&mut self, package: Package, past: Past, count: usize) -> Result<usize> {
        let held = self.held(Handshakes::plain(package))?;
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

    fn kdc(&mut self, exchange: Exchange, way: Way, count: usize) -> Result<Duration> {
        let kdc = match self.kdc.take() {
            Some(kdc) => kdc,
            None => OurKdc::start()?,
        };
        self.kdc.insert(kdc).requests(exchange, way, count)
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
