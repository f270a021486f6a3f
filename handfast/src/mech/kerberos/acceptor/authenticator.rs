use super::ticket::Client;
use super::{Waiting, refuse};
use crate::error::{Error, Refusal};
use crate::flags::Flags;
use crate::krb5::HeldTicket;
use crate::krb5::enctype::{CipherKey, EncryptionKey};
use crate::krb5::message::{Authenticator, EncryptedData, KerberosTime, Microseconds};
use crate::mech::kerberos::authorization;
use crate::mech::kerberos::decrypt;
use crate::mech::kerberos::delegation::Delegator;
use crate::mech::kerberos::iakerb::refuse_finished;
use crate::mech::kerberos::message::{GSS_CHECKSUM_TYPE, GssChecksum};
use crate::mech::kerberos::style::Style;
use crate::policy::AbsentBindings;
use crate::time::Time;
use alloc::vec::Vec;

/// What the authenticator proves, once it has been decrypted and checked.
pub(super) struct Proof {
    pub(super) at: (KerberosTime, Microseconds),
    pub(super) flags: Flags,
    pub(super) subkey: Option<EncryptionKey>,
    pub(super) sequence_number: u32,
    pub(super) delegated: Vec<HeldTicket>,
}

impl Waiting {
    /// Decrypts the authenticator with the ticket's session key and checks what the client says in it.
    pub(super) fn open_authenticator(
        &self,
        encrypted: &EncryptedData<'_>,
        key: &CipherKey,
        client: &Client,
        now: Time,
    ) -> Result<Proof, Error> {
        let plain = decrypt(key, encrypted, Refusal::AuthenticatorNotDecryptable)?;
        let authenticator = Authenticator::decode(plain.expose())?;
        if !authenticator.cname.names(&client.principal) || authenticator.crealm != client.principal.realm() {
            return refuse(Refusal::ClientMismatch {
                ticket: client.principal.clone(),
                authenticator: authenticator.cname.to_principal(authenticator.crealm),
            });
        }
        self.check_skew(authenticator.ctime.with_micros(authenticator.cusec), now)?;
        authorization::check_critical(&authenticator.authorization_data, &self.policy)?;
        let field = self.check_gss_checksum(&authenticator)?;
        let subkey = authenticator.subkey.map(|key| self.permitted_key(key)).transpose()?;
        match &self.style {
            Style::Iakerb(conversation) => conversation.check(subkey.as_ref(), field.extensions)?,
            Style::Plain | Style::UserToUser(_) => refuse_finished(field.extensions)?,
        }
        let delegated = self.take_delegated(&field, client, subkey.as_ref(), now)?;
        let Some(sequence_number) = authenticator.seq_number else {
            return refuse(Refusal::NoSequenceNumber);
        };
        let at = (authenticator.ctime, authenticator.cusec);
        Ok(Proof { at, flags: field.flags, subkey, sequence_number, delegated })
    }

    /// What the client delegates; nothing if the policy does not ask for it.
    fn take_delegated(
        &self,
        field: &GssChecksum<'_>,
        client: &Client,
        subkey: Option<&EncryptionKey>,
        now: Time,
    ) -> Result<Vec<HeldTicket>, Error> {
        let Some(message) = field.delegated.filter(|_| self.policy.takes_delegated()) else { return Ok(Vec::new()) };
        let Client { principal, session_key, .. } = client;
        Delegator { client: principal, session_key, subkey, policy: &self.policy }.read(message, now)
    }

    fn check_skew(&self, client: Time, now: Time) -> Result<(), Error> {
        let limit = self.policy.clock_skew();
        if client.abs_diff(now) > limit {
            return refuse(Refusal::ClockSkew { seconds: client.seconds_since(now), limit });
        }
        Ok(())
    }

    fn check_gss_checksum<'a>(&self, authenticator: &Authenticator<'a>) -> Result<GssChecksum<'a>, Error> {
        let field = match authenticator.cksum {
            Some(checksum) if checksum.cksumtype == GSS_CHECKSUM_TYPE => GssChecksum::decode(checksum.checksum)?,
            _ => return refuse(Refusal::NoGssChecksum),
        };
        self.check_bindings(&field.bindings)?;
        let missing = field.flags.missing(self.policy.required_of_initiator());
        if missing != Flags::NONE {
            return refuse(Refusal::FlagsMissing(missing));
        }
        Ok(field)
    }

    /// Bindings of ours must be the client's too. Where we have none, the client's are not looked at (RFC 4121 4.1.1.2).
    fn check_bindings(&self, theirs: &[u8; 16]) -> Result<(), Error> {
        let Some(ours) = &self.bindings else { return Ok(()) };
        if *theirs == [0; 16] {
            return match self.policy.absent_bindings() {
                AbsentBindings::Accept => Ok(()),
                AbsentBindings::Refuse => refuse(Refusal::ChannelBindingsAbsent),
            };
        }
        if crate::crypto::constant_time_eq(ours, theirs) { Ok(()) } else { refuse(Refusal::ChannelBindingsMismatch) }
    }
}
