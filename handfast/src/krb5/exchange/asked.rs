//! What was asked of a KDC, to be held against its reply.

use super::{ExchangeError, Mismatch};
use crate::crypto::{Random, RandomError};
use crate::krb5::enctype::Enctype;
use crate::krb5::message::{
    EncKdcRepPart, KdcExchange, KdcOptions, KdcRep, KdcReqBody, KerberosTime, KrbError, PaDataType, PrincipalName,
    TicketFlags,
};
use crate::krb5::{HeldTicket, HostAddress};
use crate::name::Principal;
use crate::time::Time;
use crate::wire::DecodeError;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// An answer of a KDC.
pub(super) enum Answer<'a> {
    Reply(KdcRep<'a>),
    Refusal(KrbError<'a>),
}

impl<'a> Answer<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        const KRB_ERROR: u8 = 0x60 | 30;
        match bytes.first() {
            Some(&KRB_ERROR) => KrbError::decode(bytes).map(Answer::Refusal),
            _ => KdcRep::decode(bytes).map(Answer::Reply),
        }
    }
}

/// A nonce of 31 bits, since peers take a larger one for negative (RFC 4120 5.4.1).
pub(super) fn draw_nonce(random: &dyn Random) -> Result<u32, RandomError> {
    let mut octets = [0; 4];
    random.fill(&mut octets)?;
    Ok(u32::from_be_bytes(octets) & 0x7fff_ffff)
}

/// A confounder for one ciphertext.
pub(in crate::krb5) fn draw_confounder(random: &dyn Random) -> Result<[u8; 16], RandomError> {
    let mut octets = [0; 16];
    random.fill(&mut octets)?;
    Ok(octets)
}

/// What more there is to a request to the ticket-granting service, and what its reply must say for it.
#[derive(Default)]
pub(super) struct TgsTerms {
    /// The addresses that the ticket shall be bound to.
    pub(super) addresses: Vec<HostAddress>,
    /// The addresses that it may be bound to: those asked for, else those of the ticket presented.
    pub(super) expected_addresses: Vec<HostAddress>,
    /// Whether it must be bound to exactly them.
    pub(super) exact_addresses: bool,
    /// Flags that the ticket must have.
    pub(super) required_flags: TicketFlags,
    /// Another's ticket, in DER.
    pub(super) additional_ticket: Option<Vec<u8>>,
    /// The user in whose name a ticket to oneself is asked for.
    pub(super) for_user: Option<Principal>,
    /// Padata beside the proof.
    pub(super) padata: Vec<(PaDataType, Vec<u8>)>,
}

/// What was asked of a KDC.
pub(super) struct Asked {
    pub(super) exchange: KdcExchange,
    /// Whose KDC is asked.
    pub(super) kdc_realm: String,
    pub(super) client: Principal,
    pub(super) service: Principal,
    pub(super) options: KdcOptions,
    /// The beginning of a postdated ticket.
    pub(super) from: Option<KerberosTime>,
    /// The latest end; [`KerberosTime::EPOCH`] for as late as may be.
    pub(super) till: KerberosTime,
    pub(super) rtime: Option<KerberosTime>,
    pub(super) nonce: u32,
    pub(super) enctypes: Vec<Enctype>,
    pub(super) clock_skew: Duration,
    /// Nothing in a login.
    pub(super) terms: TgsTerms,
}

impl Asked {
    /// The body that asks for it.
    pub(super) fn body(&self) -> KdcReqBody<'_> {
        KdcReqBody {
            kdc_options: self.options,
            cname: (self.exchange == KdcExchange::As).then(|| PrincipalName::from(&self.client)),
            realm: self.service.realm(),
            sname: Some(PrincipalName::from(&self.service)),
            from: self.from,
            till: self.till,
            rtime: self.rtime,
            nonce: self.nonce,
            etype: self.enctypes.clone(),
            addresses: self.terms.addresses.iter().map(HostAddress::as_message).collect(),
            enc_authorization_data: None,
            additional_tickets: Vec::new(),
        }
    }

    /// Checks what stands outside of the encrypted part, before a key is chosen (RFC 4120 3.1.5).
    pub(super) fn check_outside(&self, reply: &KdcRep<'_>) -> Result<(), ExchangeError> {
        if reply.exchange != self.exchange {
            return Err(ExchangeError::mismatch(Mismatch::Exchange));
        }
        let got = reply.cname.to_principal(reply.crealm);
        if got != self.client && !self.may_be_renamed() {
            return Err(ExchangeError::mismatch(Mismatch::Client { asked: self.client.clone(), got }));
        }
        let got = reply.enc_part.etype;
        if !self.enctypes.contains(&got) {
            return Err(ExchangeError::mismatch(Mismatch::ReplyEnctype { got, offered: self.enctypes.clone() }));
        }
        Ok(())
    }

    /// Whether names of the reply to a login may be others than were asked for (RFC 6806 6).
    fn may_be_renamed(&self) -> bool {
        self.exchange == KdcExchange::As && self.options.contains(KdcOptions::CANONICALIZE)
    }

    /// The client: the one asked for, or in a login the one that it is an alias of. That one is of the realm that the encrypted
    /// part names, and its name is believed if it stands inside of FAST (`proven`), or if the KDC proves what it was asked
    /// (RFC 6806 6, 11).
    fn check_client(
        &self,
        reply: &KdcRep<'_>,
        part: &EncKdcRepPart<'_>,
        proven: bool,
    ) -> Result<Principal, ExchangeError> {
        let got = reply.cname.to_principal(reply.crealm);
        if got == self.client {
            // An enterprise name becomes a common one, though spelt alike.
            return Ok(if self.may_be_renamed() { got } else { self.client.clone() });
        }
        let asked = self.client.clone();
        if !self.may_be_renamed() || got.realm() != part.srealm {
            return Err(ExchangeError::mismatch(Mismatch::Client { asked, got }));
        }
        if !proven && !part.flags.contains(TicketFlags::ENC_PA_REP) {
            return Err(ExchangeError::mismatch(Mismatch::RenamedUnproven { asked, got }));
        }
        Ok(got)
    }

    /// Checks the encrypted part, and takes the ticket (RFC 4120 3.1.5, 3.3.4). `proven`: what stands in the reply is protected
    /// by FAST, too.
    pub(super) fn take(
        &self,
        reply: &KdcRep<'_>,
        part: &EncKdcRepPart<'_>,
        proven: bool,
        now: Time,
    ) -> Result<HeldTicket, ExchangeError> {
        if part.nonce != self.nonce {
            return Err(ExchangeError::mismatch(Mismatch::Nonce));
        }
        let client = match self.exchange {
            KdcExchange::As => self.check_client(reply, part, proven)?,
            KdcExchange::Tgs => self.client.clone(),
        };
        let server = self.check_service(reply, part)?;
        let got = part.key.keytype;
        if !self.enctypes.contains(&got) {
            return Err(ExchangeError::mismatch(Mismatch::SessionKeyEnctype { got, offered: self.enctypes.clone() }));
        }
        if part.flags.contains(TicketFlags::INVALID) && self.from.is_none() {
            return Err(ExchangeError::mismatch(Mismatch::InvalidFlag));
        }
        if !part.flags.contains(self.terms.required_flags) {
            return Err(ExchangeError::mismatch(Mismatch::FlagsMissing { missing: self.terms.required_flags }));
        }
        self.check_times(part, now)?;
        Ok(HeldTicket {
            client,
            server,
            key: part.key.to_key()?,
            auth_time: part.authtime.into(),
            start_time: part.starttime.map(Time::from),
            end_time: part.endtime.into(),
            renew_till: part.renew_till.map(Time::from),
            is_skey: self.options.contains(KdcOptions::ENC_TKT_IN_SKEY),
            flags: part.flags,
            addresses: self.take_addresses(part)?,
            authorization_data: Vec::new(),
            ticket: reply.ticket.bytes().to_vec(),
            second_ticket: self.second_ticket(),
        })
    }

    /// The other's ticket of user-to-user; a ticket that was shown to the KDC alone is not kept.
    fn second_ticket(&self) -> Vec<u8> {
        let user_to_user = self.options.contains(KdcOptions::ENC_TKT_IN_SKEY);
        self.terms.additional_ticket.clone().filter(|_| user_to_user).unwrap_or_default()
    }

    /// The service is the one asked for, inside and out. A ticket of the KDC's own realm for the ticket-granting service
    /// of another one is a referral (RFC 6806 8), good where referrals were asked for. So is one under another name of the service,
    /// if both names of the reply agree; it is for the caller to take it or not.
    fn check_service(&self, reply: &KdcRep<'_>, part: &EncKdcRepPart<'_>) -> Result<Principal, ExchangeError> {
        let asked = || self.service.clone();
        let inside = part.sname.to_principal(part.srealm);
        let outside = reply.ticket.sname.to_principal(reply.ticket.realm);
        if inside != self.service {
            match inside.components() {
                // The same realm by its right name, as in `krbtgt/EXAMPLE.COM` for `krbtgt/example.com`.
                [_, realm] if self.may_be_renamed() && self.service.is_krbtgt() && inside.is_krbtgt() => {
                    if inside.realm() != realm || !part.flags.contains(TicketFlags::ENC_PA_REP) {
                        return Err(ExchangeError::mismatch(Mismatch::Service { asked: asked(), got: inside }));
                    }
                }
                [_, realm] if inside.is_krbtgt() && self.exchange == KdcExchange::Tgs => {
                    if !self.options.contains(KdcOptions::CANONICALIZE) {
                        return Err(ExchangeError::Referral { name: asked(), realm: realm.clone() });
                    }
                    if inside.realm() != self.kdc_realm {
                        return Err(ExchangeError::mismatch(Mismatch::Service { asked: asked(), got: inside }));
                    }
                }
                _ if self.may_rename_service() && inside.realm() == self.kdc_realm && inside == outside => {}
                _ => return Err(ExchangeError::mismatch(Mismatch::Service { asked: asked(), got: inside })),
            }
        }
        if outside != inside {
            return Err(ExchangeError::mismatch(Mismatch::TicketService { asked: inside, got: outside }));
        }
        Ok(if inside == self.service { asked() } else { inside })
    }

    /// Whether a KDC may give a ticket under another name of the service: not where it is for a user with a login, whose name is
    /// all that tells who that is, nor for the ticket-granting service.
    fn may_rename_service(&self) -> bool {
        let plain = !self.options.contains(KdcOptions::ENC_TKT_IN_SKEY) && !self.service.is_krbtgt();
        self.exchange == KdcExchange::Tgs && self.options.contains(KdcOptions::CANONICALIZE) && plain
    }

    /// A ticket starts now, by clocks that agree, and ends at the time asked for at the latest (RFC 4120 3.1.3).
    fn check_times(&self, part: &EncKdcRepPart<'_>, now: Time) -> Result<(), ExchangeError> {
        let (auth, end) = (Time::from(part.authtime), Time::from(part.endtime));
        let start = part.starttime.map_or(auth, Time::from);
        // In a login, authtime is the KDC's clock (RFC 4120 3.1.5); later it is the time of the login.
        let stale = self.exchange == KdcExchange::As && auth.saturating_add(self.clock_skew) < now.whole_seconds();
        let latest = start.max(auth);
        // A postdated ticket begins when it was asked for, and no later.
        let begins = self.from.map_or(now, Time::from).max(now);
        if stale || auth > now.saturating_add(self.clock_skew) || latest > begins.saturating_add(self.clock_skew) {
            let seconds = if stale { auth } else { latest }.seconds_since(now);
            return Err(ExchangeError::ClockSkew { seconds, limit: self.clock_skew });
        }
        if end <= now || end <= start {
            return Err(ExchangeError::mismatch(Mismatch::Ended { start, end, now }));
        }
        if self.till != KerberosTime::EPOCH && part.endtime > self.till {
            return Err(ExchangeError::mismatch(Mismatch::EndsTooLate { asked: self.till.into(), end }));
        }
        match (self.rtime, part.renew_till) {
            (Some(asked), Some(renew_till)) if renew_till > asked => {
                let (asked, renew_till) = (asked.into(), renew_till.into());
                Err(ExchangeError::mismatch(Mismatch::RenewableTooLong { asked, renew_till }))
            }
            _ => Ok(()),
        }
    }

    /// The addresses are those asked for, or those of the ticket presented, which a TGS-REP need not repeat
    /// (RFC 4120 5.4.2). A login's ticket without any is good from anywhere: its KDC binds no tickets.
    fn take_addresses(&self, part: &EncKdcRepPart<'_>) -> Result<Vec<HostAddress>, ExchangeError> {
        let got = part.caddr.iter();
        let got: Vec<_> = got
            .map(|address| HostAddress { addr_type: address.addr_type.0, address: address.address.to_vec() })
            .collect();
        let expected = &self.terms.expected_addresses;
        if got == *expected {
            return Ok(got);
        }
        match self.exchange {
            KdcExchange::As if got.is_empty() => Ok(got),
            KdcExchange::Tgs if got.is_empty() && !self.terms.exact_addresses => Ok(expected.clone()),
            _ => Err(ExchangeError::mismatch(Mismatch::Addresses)),
        }
    }
}
