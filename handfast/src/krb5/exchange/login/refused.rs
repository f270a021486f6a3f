//! What a KDC's refusal says: how to ask better, whom to ask, or that this was all.

use super::{LOGIN_REFERRAL_LIMIT, LOGIN_REQUEST_LIMIT, Login, Sent, not_armored};
use crate::krb5::exchange::ExchangeError;
use crate::krb5::exchange::applicant::Draft;
use crate::krb5::exchange::{ClientSecret, ExchangeStep, FastUse, KdcRefusal};
use crate::krb5::message::{ErrorCode, KrbError, PaData, PaDataType};
#[cfg(feature = "pkinit")]
use crate::krb5::pkinit::TdCertificates;
use crate::krb5::preauth::{Move, any_data, method_data};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

impl Login {
    /// Takes a refusal: inside of FAST, the one that stands inside (RFC 6113 5.4.4).
    pub(super) fn hear(
        mut self,
        sent: Sent,
        outside: &KrbError<'_>,
        now: Time,
    ) -> Result<ExchangeStep<Login>, ExchangeError> {
        let Some(armor) = &self.armor else { return self.go_on(sent, outside, true, now) };
        if outside.error_code == ErrorCode::KRB_ERR_RESPONSE_TOO_BIG && !sent.request.tcp_required {
            return self.go_on(sent, outside, true, now); // All that comes of it is TCP.
        }
        if let Some(inside) = armor.open_error(outside, sent.draft.asked.nonce)? {
            let error = KrbError::decode(&inside.error)?;
            let error = KrbError { e_data: Some(&inside.method_data), ..error };
            return self.go_on(sent, &error, inside.has_cookie, now);
        }
        // Who names FAST knows it, and would have answered inside.
        let knows = |methods: Vec<PaData<'_>>| methods.iter().any(|padata| padata.padata_type == PaDataType::FX_FAST);
        if !self.may_go_without_armor() || method_data(outside.e_data).is_ok_and(knows) {
            let refusal = KdcRefusal::new(&sent.draft.asked, None, outside, now);
            return Err(not_armored(&sent, Some(Box::new(refusal))));
        }
        (self.armor, self.without_armor) = (None, true);
        self.go_on(sent, outside, true, now)
    }

    /// Whether a KDC that answers outside of FAST may be one that doesn't know FAST: to the first request, and if the options
    /// let it be.
    pub(super) fn may_go_without_armor(&self) -> bool {
        self.applicant.options.fast != FastUse::Required && self.conversation.tried().is_empty()
    }

    /// A refusal may tell how to ask better.
    fn go_on(
        mut self,
        mut sent: Sent,
        error: &KrbError<'_>,
        may_continue: bool,
        now: Time,
    ) -> Result<ExchangeStep<Login>, ExchangeError> {
        let tcp_required = sent.request.tcp_required;
        match error.error_code {
            ErrorCode::KRB_ERR_RESPONSE_TOO_BIG if !tcp_required => {
                (sent.request.tcp_required, sent.at) = (true, now);
                self.wait(sent)
            }
            ErrorCode::KDC_ERR_WRONG_REALM => {
                let realm = error.crealm.unwrap_or_default().to_string();
                self.refer(realm, now)
            }
            ErrorCode::KDC_ERR_KEY_EXPIRED if self.can_change() => {
                let refusal = self.refusal(&sent, error, now);
                self.begin_change(refusal, tcp_required, now)
            }
            _ if self.requests >= LOGIN_REQUEST_LIMIT => Err(self.refused(&sent, error, now)),
            // The KDC has forgotten the conversation (RFC 6113 5.2).
            ErrorCode::KDC_ERR_PREAUTH_EXPIRED => self.start(tcp_required, now),
            _ if !may_continue => Err(self.refused(&sent, error, now)),
            _ => {
                self.hear_time(error, now);
                let draft = self.applicant.draft(tcp_required, self.request_time(now))?;
                match self.next(&draft, error, now)? {
                    Some(next) => self.follow(draft, next, now),
                    None => Err(self.refused(&sent, error, now)),
                }
            }
        }
    }

    /// Asks the KDC of another realm for the same client (RFC 6806 7), if names may change and the realm is a new one. Nothing
    /// of the conversation with the one before is of use there.
    fn refer(mut self, realm: String, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        let applicant = &mut self.applicant;
        let fixed = applicant.options.service.as_ref().is_some_and(|service| !service.realm().is_empty());
        if !applicant.may_be_renamed() || fixed || realm.is_empty() {
            return Err(ExchangeError::Referral { name: applicant.client.clone(), realm });
        }
        self.visited.push(applicant.client.realm().to_string());
        if self.visited.contains(&realm) {
            return Err(ExchangeError::ReferralLoop { service: applicant.client.clone(), realm });
        }
        if self.visited.len() > LOGIN_REFERRAL_LIMIT {
            return Err(ExchangeError::TooManyReferrals {
                service: applicant.client.clone(),
                limit: LOGIN_REFERRAL_LIMIT,
            });
        }
        applicant.client = applicant.client.clone().with_realm(realm);
        self.clock.forget_heard();
        self.without_armor = false;
        self.start(false, now)
    }

    /// What the client's pre-authentication makes of an error (RFC 6113 2.3); none if it ends the conversation.
    fn next(&mut self, draft: &Draft, error: &KrbError<'_>, now: Time) -> Result<Option<Move>, ExchangeError> {
        let round = self.applicant.round(draft, self.armor.as_ref(), self.clock.time(now), now);
        let (proven, begun) = (self.conversation.proof().is_some(), !self.conversation.tried().is_empty());
        match error.error_code {
            ErrorCode::KDC_ERR_PREAUTH_REQUIRED if !proven => {
                self.conversation.choose(&method_data(error.e_data)?, &round).map(Some)
            }
            ErrorCode::KDC_ERR_PREAUTH_FAILED if begun && !proven => Ok(match method_data(error.e_data) {
                Ok(methods) if !methods.is_empty() => self.conversation.choose(&methods, &round).ok(),
                _ => self.conversation.next(&round).ok(),
            }),
            ErrorCode::KDC_ERR_MORE_PREAUTH_DATA_REQUIRED => {
                self.conversation.go_on(&method_data(error.e_data)?, &round)
            }
            code if begun => self.conversation.refused(code, &any_data(error.e_data), &round),
            _ => Ok(None),
        }
    }

    /// Takes the KDC's time from an error that asks for a proof, or for another one, as MIT krb5 does; from no other.
    fn hear_time(&mut self, error: &KrbError<'_>, now: Time) {
        let asks = matches!(error.error_code, ErrorCode::KDC_ERR_PREAUTH_REQUIRED | ErrorCode::KDC_ERR_PREAUTH_FAILED);
        if asks && self.applicant.options.kdc_timesync {
            self.clock.hear(error.stime, error.susec, now);
        }
    }

    /// Whether there is a password that could be changed, and has not been.
    pub(super) fn can_change(&self) -> bool {
        let is_password = matches!(self.applicant.secret, ClientSecret::Password(_));
        self.may_change && is_password && self.change.is_none()
    }

    /// The end of it. That a realm has no password service is not what the user wants to know of an expired password.
    fn refused(&self, sent: &Sent, error: &KrbError<'_>, now: Time) -> ExchangeError {
        let of_proof = error.error_code == ErrorCode::KDC_ERR_PREAUTH_FAILED;
        let expired = self.expired().filter(|_| !of_proof);
        expired.unwrap_or_else(|| ExchangeError::Refused(Box::new(self.refusal(sent, error, now))))
    }

    fn refusal(&self, sent: &Sent, error: &KrbError<'_>, now: Time) -> KdcRefusal {
        let refusal = KdcRefusal::new(&sent.draft.asked, self.conversation.proof(), error, now);
        let (tried, takes) = (self.conversation.tried(), self.conversation.offered());
        let refusal = KdcRefusal { tried, takes, ..refusal };
        #[cfg(feature = "pkinit")]
        let refusal = with_certificates(refusal, error);
        refusal
    }
}

/// What the KDC says of certificates (RFC 4556 3.2.2); what doesn't decode is nothing.
#[cfg(feature = "pkinit")]
fn with_certificates(refusal: KdcRefusal, error: &KrbError<'_>) -> KdcRefusal {
    let said = any_data(error.e_data);
    let names = |kind| {
        let value = said.iter().find(|padata| padata.padata_type == kind)?.padata_value;
        TdCertificates::decode(value).ok().map(|list| list.names())
    };
    KdcRefusal {
        trusted_certifiers: names(PaDataType::TD_TRUSTED_CERTIFIERS).unwrap_or_default(),
        invalid_certificates: names(PaDataType::TD_INVALID_CERTIFICATES).unwrap_or_default(),
        ..refusal
    }
}
