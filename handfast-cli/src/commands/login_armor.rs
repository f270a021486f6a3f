//! FAST around a login: whether, and with whose ticket.

use crate::failure::{Exit, Failure};
use handfast::krb5::HeldTicket;
use handfast::krb5::exchange::{FastUse, Login, TicketOptions};
use handfast_net::Settings;

/// What the command line says of FAST.
#[derive(clap::Args, Debug)]
pub(crate) struct ArmorOptions {
    /// Protect the login with the ticket-granting ticket in this credential cache (FAST)
    ///
    /// Eavesdroppers then see nothing to guess the password from. Anybody's ticket of the realm will do.
    #[arg(long, short = 'T', value_name = "CACHE")]
    armor: Option<String>,
    /// Whether a login without FAST will do [default: required with --armor]
    #[arg(long, value_name = "WHEN", requires = "armor")]
    fast: Option<When>,
    /// Keep the client's name inside of FAST, too
    #[arg(long, requires = "armor")]
    hide_name: bool,
}

/// When FAST is used.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Always, or there is no ticket
    Required,
    /// Unless the KDC does not know it
    IfPossible,
}

impl ArmorOptions {
    /// Puts it into the options of a login.
    pub(crate) fn set(&self, options: &mut TicketOptions) -> Result<(), Failure> {
        options.fast = match (&self.armor, self.fast) {
            (None, _) => FastUse::default(),
            (Some(_), None | Some(When::Required)) => FastUse::Required,
            (Some(_), Some(When::IfPossible)) => FastUse::IfPossible,
        };
        options.hide_client_name = self.hide_name;
        if self.hide_name && options.fast != FastUse::Required {
            let cause = "a name can't be hidden from a KDC that does not know FAST";
            return Err(Failure::new(Exit::Usage, cause).next("leave out --hide-name, or say --fast required"));
        }
        Ok(())
    }

    /// Gives a login its armor.
    pub(crate) fn protect(&self, login: Login, settings: &Settings, realm: &str) -> Result<Login, Failure> {
        let Some(name) = &self.armor else { return Ok(login) };
        let cache = settings.ccache(Some(name))?;
        let held = cache.load()?;
        let fits = |ticket: &&HeldTicket| {
            ticket.server.is_krbtgt() && ticket.server.components().get(1).is_some_and(|of| of == realm)
        };
        let Some(ticket) = held.tickets().find(fits) else {
            let cause = format!("{cache} has no ticket-granting ticket for {realm}, which FAST takes as armor");
            return Err(Failure::new(Exit::NoCredentials, cause)
                .next(format!("get one: handfast login --keytab FILE --cache {name} host/HOST")));
        };
        Ok(login.with_armor(ticket))
    }
}
