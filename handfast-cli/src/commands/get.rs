//! `handfast get`: tickets for services, in one's own name or, as a service, in a user's.

use super::list::{kvno, ticket_object};
use crate::failure::{Exit, Failure};
use crate::output::{Output, STRONG};
use crate::span;
use handfast::crypto::OsRandom;
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::exchange::{Acquired, TicketOptions, TicketRequest};
use handfast::krb5::{Ccache, HeldTicket};
use handfast::{Principal, ServiceName, Time};
use handfast_net::login::{TicketError, get_ticket};
use handfast_net::store::CredentialCache;
use handfast_net::{Clock, Settings};
use serde_json::json;
use std::sync::Arc;

/// Get tickets for services, with the login in the credential cache
///
/// The tickets are added to the cache, and used by whatever program connects to the service. A realm that the
/// service is not in may refer to the one that it is in; the tickets for the realms on the way are kept, too.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast get HTTP/www.example.com host/db.example.com
  handfast get host/localhost --enctype aes256-sha2       a session key of this type
  handfast get bob --u2u FILE:/tmp/krb5cc_bob             for a user who has no key but his login
  handfast login HTTP/www.example.com --keytab http.keytab --forwardable
  handfast get --s4u2self alice                           as that service, in alice's name
  handfast get nfs/files.example.com --s4u2self alice --s4u2proxy"
)]
pub(crate) struct Args {
    /// The services, as SERVICE/HOST, SERVICE@HOST or SERVICE/HOST@REALM
    #[arg(required_unless_present = "s4u2self", value_name = "SERVICE")]
    services: Vec<String>,
    /// Get the ticket from the KDC even if there is one in the cache, with a session key of these types
    #[arg(long, short = 'e', value_name = "ENCTYPES", value_delimiter = ',')]
    enctype: Vec<Enctype>,
    /// The services are users: get tickets under the session key of the login in this cache, which is theirs
    #[arg(long, value_name = "CACHE", conflicts_with_all = ["s4u2self", "s4u2proxy"])]
    u2u: Option<String>,
    /// As a service, get a ticket to itself in the name of this user (S4U2self)
    #[arg(long, short = 'U', value_name = "USER")]
    s4u2self: Option<String>,
    /// With --s4u2self: the service's keys, if the KDC (Samba's, say) leaves it to the ticket to prove the name
    #[arg(long, short = 'k', value_name = "FILE", requires = "s4u2self")]
    keytab: Option<String>,
    /// With --s4u2self: get tickets for other services in the user's name (S4U2proxy)
    #[arg(long, short = 'P', requires = "s4u2self", requires = "services")]
    s4u2proxy: bool,
    /// Take a ticket under another name of the service, if the KDC knows it by that
    #[arg(long, short = 'C', conflicts_with_all = ["u2u", "s4u2self"])]
    canonicalize: bool,
    /// Credential cache, such as FILE:/tmp/cc [default: KRB5CCNAME, else the configured one]
    #[arg(long, short = 'c', value_name = "NAME")]
    cache: Option<String>,
    /// Put the tickets alone into this cache, in the place of what is there
    #[arg(long, value_name = "NAME")]
    out_cache: Option<String>,
}

/// What tickets are got with.
struct Asking<'a> {
    args: &'a Args,
    settings: Settings,
    cache: Arc<Ccache>,
    tgt: HeldTicket,
}

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let settings = Settings::from_process()?;
    let file = settings.ccache(args.cache.as_deref())?;
    let cache = file.load()?;
    let tgt = cache.tgt(cache.start_realm(), settings.kdc_time(&cache, span::now())).cloned().ok_or_else(|| {
        let cause = format!("{file} has no ticket-granting ticket of {} that is good now", cache.principal);
        Failure::new(Exit::NoCredentials, cause).next("log in with `handfast login`")
    })?;
    let now = settings.kdc_time(&cache, span::now());
    let asking = Asking { args, settings, cache, tgt };
    let got = asking.all()?;
    let out = match &args.out_cache {
        Some(name) => asking.write(name, &got)?,
        None => {
            let new: Vec<_> = got.iter().flat_map(|(tickets, _)| tickets.clone()).collect();
            file.add(&new)?;
            file
        }
    };
    got.iter().try_for_each(|(_, ticket)| tell(ticket, now, &*out, output))
}

fn tell(ticket: &HeldTicket, now: Time, cache: &dyn CredentialCache, output: &Output) -> Result<(), Failure> {
    let (client, left) = (output.paint(STRONG, &ticket.client), span::words(ticket.remaining(now)));
    let key = kvno(ticket).map(|kvno| format!(", key version {kvno}")).unwrap_or_default();
    output.line(format!("{client} has a ticket for {}, good for {left}{key}, in {cache}", ticket.server))?;
    output.object(&json!({
        "cache": cache.to_string(),
        "principal": ticket.client.to_string(),
        "ticket": ticket_object(ticket, now),
    }))
}

/// New tickets, and the one that was asked for.
type Got = (Vec<HeldTicket>, HeldTicket);

impl Asking<'_> {
    fn all(&self) -> Result<Vec<Got>, Failure> {
        let Some(user) = &self.args.s4u2self else {
            return self.args.services.iter().map(|name| self.own(name)).collect();
        };
        if !self.args.s4u2proxy {
            self.only_itself()?;
        }
        let user = self.settings.principal(user)?;
        // What is shown to the KDC for another ticket has to be forwardable (MS-SFU 3.2.5.2.2).
        let options = TicketOptions { forwardable: self.args.s4u2proxy, ..self.options() };
        let evidence =
            TicketRequest::for_user(&self.tgt, user, options, Arc::new(OsRandom)).with_own_keys(self.keys()?);
        let evidence = self.ask(evidence)?;
        if !self.args.s4u2proxy {
            return Ok(vec![new(evidence)]);
        }
        let onward = |name: &String| {
            let service = self.service(name)?;
            let (random, ticket) = (Arc::new(OsRandom), &evidence.ticket);
            let request = TicketRequest::delegated(&self.tgt, ticket, service, self.options(), random);
            self.ask(request).map(new)
        };
        self.args.services.iter().map(onward).collect()
    }

    /// The service's own keys, if they are named.
    fn keys(&self) -> Result<Vec<EncryptionKey>, Failure> {
        let Some(name) = &self.args.keytab else { return Ok(Vec::new()) };
        let keytab = self.settings.keytab(Some(name))?.load()?;
        Ok(keytab.entries().iter().map(|entry| entry.key.clone()).collect())
    }

    /// A ticket to itself is one for no other service.
    fn only_itself(&self) -> Result<(), Failure> {
        let own = |name: &String| Ok::<_, Failure>(self.service(name)? == self.cache.principal);
        for name in &self.args.services {
            if !own(name)? {
                let cause = format!("--s4u2self gets tickets for {} alone, not for {name}", self.cache.principal);
                return Err(Failure::new(Exit::Usage, cause).next("add --s4u2proxy"));
            }
        }
        Ok(())
    }

    fn own(&self, name: &str) -> Result<Got, Failure> {
        if let Some(cache) = &self.args.u2u {
            let peer = self.settings.principal(name)?;
            let peers = self.settings.ccache(Some(cache))?.load()?;
            let theirs = peers.tgt(peer.realm(), self.settings.kdc_time(&peers, span::now())).ok_or_else(|| {
                let cause = format!("{cache} has no ticket-granting ticket of {} that is good now", peers.principal);
                Failure::new(Exit::NoCredentials, cause).next("its user has to log in first")
            })?;
            let (ticket, random) = (theirs.ticket.clone(), Arc::new(OsRandom));
            return self.ask(TicketRequest::user_to_user(&self.tgt, peer, ticket, self.options(), random)).map(new);
        }
        let mut names = self.settings.services(&name.parse::<ServiceName>()?).into_iter().peekable();
        while let Some(name) = names.next() {
            match self.ticket_for(&name) {
                Err(error) if error.is_unknown_service() && names.peek().is_some() => {}
                got => return self.checked(got?),
            }
        }
        Err(Failure::new(Exit::Usage, format!("{name} names no service")))
    }

    /// The ticket that is there, or a new one.
    fn ticket_for(&self, service: &ServiceName) -> Result<Got, TicketError> {
        let now = self.settings.kdc_time(&self.cache, span::now());
        if let Some(held) = self.cache.ticket_for_service(service, now).filter(|_| self.args.enctype.is_empty()) {
            return Ok((vec![], held.clone()));
        }
        let service = service.to_principal(self.cache.start_realm());
        let request = TicketRequest::new(&self.tgt, service, self.options(), Arc::new(OsRandom));
        get_ticket(request.knowing(&self.cache), self.settings.kdcs(), &Clock::system()).map(new)
    }

    fn ask(&self, request: TicketRequest) -> Result<Acquired, Failure> {
        let acquired = get_ticket(request.knowing(&self.cache), self.settings.kdcs(), &Clock::system())?;
        self.check(&acquired.ticket)?;
        Ok(acquired)
    }

    fn checked(&self, got: Got) -> Result<Got, Failure> {
        self.check(&got.1)?;
        Ok(got)
    }

    /// Whether its session key is of a type that was asked for.
    fn check(&self, ticket: &HeldTicket) -> Result<(), Failure> {
        let (wanted, got) = (&self.args.enctype, ticket.key.enctype());
        if wanted.is_empty() || wanted.contains(&got) {
            return Ok(());
        }
        let cause = format!("{} takes no session key of the types asked for: the KDC gives {got}", ticket.server);
        Err(Failure::new(Exit::KdcRefused, cause))
    }

    fn service(&self, name: &str) -> Result<Principal, Failure> {
        let name: ServiceName = name.parse()?;
        let found = self.settings.services(&name).into_iter().next().unwrap_or(name);
        Ok(found.to_principal(self.cache.principal.realm()))
    }

    fn options(&self) -> TicketOptions {
        let options = TicketOptions { renamed_service: self.args.canonicalize, ..self.settings.ticket_options() };
        match self.args.enctype.as_slice() {
            [] => options,
            // The login's session key is there already; it may be of another type, and comes last.
            wanted => TicketOptions { enctypes: [wanted, &[self.tgt.key.enctype()]].concat(), ..options },
        }
    }

    fn write(&self, name: &str, got: &[Got]) -> Result<Arc<dyn CredentialCache>, Failure> {
        let out = self.settings.ccache(Some(name))?;
        let client = got.first().map_or(&self.cache.principal, |(_, ticket)| &ticket.client);
        let mut cache = Ccache::new(client.clone());
        cache.kdc_offset = self.cache.kdc_offset;
        got.iter().for_each(|(_, ticket)| cache.replace(ticket.clone()));
        out.replace(&cache)?;
        Ok(out)
    }
}

fn new(acquired: Acquired) -> Got {
    let mut tickets = acquired.ticket_granting;
    tickets.push(acquired.ticket.clone());
    (tickets, acquired.ticket)
}
