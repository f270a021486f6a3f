//! FAST around a login: whether, and with whose ticket.

use super::login_certificate::CertificateOptions;
use crate::failure::{Exit, Failure};
use handfast::crypto::OsRandom;
use handfast::krb5::exchange::{FastUse, Login, TicketOptions};
use handfast_net::login::log_in;
use handfast_net::{Clock, Settings};
use std::sync::Arc;

/// What the command line says of FAST.
#[derive(clap::Args, Debug)]
pub(crate) struct ArmorOptions {
    /// Protect the login with the ticket-granting ticket in this credential cache (FAST)
    ///
    /// Eavesdroppers then see nothing to guess the password from. Anybody's ticket of the realm will do.
    #[arg(long, short = 'T', value_name = "CACHE")]
    armor: Option<String>,
    /// Protect the login with an anonymous ticket, which is asked for first (FAST)
    ///
    /// The KDC proves itself by its certificate; pkinit_anchors of krb5.conf, or --trust, says who vouches for it.
    #[arg(long, conflicts_with = "armor")]
    armor_anonymous: bool,
    /// Whether a login without FAST will do [default: required with --armor]
    #[arg(long, value_name = "WHEN")]
    fast: Option<When>,
    /// Keep the client's name inside of FAST, too
    #[arg(long)]
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
    /// Whether there is any.
    pub(crate) fn is_there(&self) -> bool {
        self.armor.is_some() || self.armor_anonymous
    }

    /// Puts it into the options of a login.
    pub(crate) fn set(&self, options: &mut TicketOptions) -> Result<(), Failure> {
        let armored = self.is_there();
        if !armored && (self.fast.is_some() || self.hide_name) {
            let cause = "FAST takes a ticket to protect the login with";
            return Err(Failure::new(Exit::Usage, cause).next("say --armor CACHE or --armor-anonymous too"));
        }
        options.fast = match (armored, self.fast) {
            (false, _) => FastUse::default(),
            (true, None | Some(When::Required)) => FastUse::Required,
            (true, Some(When::IfPossible)) => FastUse::IfPossible,
        };
        options.hide_client_name = self.hide_name;
        if self.hide_name && options.fast != FastUse::Required {
            let cause = "a name can't be hidden from a KDC that does not know FAST";
            return Err(Failure::new(Exit::Usage, cause).next("leave out --hide-name, or say --fast required"));
        }
        Ok(())
    }

    /// Gives a login its armor.
    pub(crate) fn protect(
        &self,
        login: Login,
        settings: &Settings,
        realm: &str,
        certificates: Option<&CertificateOptions>,
    ) -> Result<Login, Failure> {
        if self.armor_anonymous {
            let trust = match certificates {
                Some(certificates) => certificates.trust(settings, realm)?,
                None => Arc::new(settings.kdc_trust(&[], realm)?),
            };
            let options = settings.login_options(realm)?;
            let nobody = Login::anonymous(realm, trust, options, Arc::new(OsRandom));
            let got = log_in(nobody, settings.kdcs(), &Clock::system())?;
            return Ok(login.with_kdc_offset(got.learned.kdc_offset).with_armor(&got.ticket));
        }
        let Some(name) = &self.armor else { return Ok(login) };
        let cache = settings.ccache(Some(name))?;
        let held = cache.load()?;
        login.with_armor_from(&held).ok_or_else(|| {
            let cause = format!("{cache} has no ticket-granting ticket for {realm}, which FAST takes as armor");
            Failure::new(Exit::NoCredentials, cause)
                .next(format!("get one: handfast login --keytab FILE --cache {name} host/HOST"))
        })
    }
}
