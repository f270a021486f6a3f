use super::applicant::{Applicant, Draft};
use super::asked::Answer;
use super::error::{ExchangeError, Mismatch};
use super::{ClientSecret, ExchangeStep, KdcRefusal, KdcRequest, TicketOptions};
use crate::crypto::{Random, Secret};
use crate::krb5::HeldTicket;
use crate::krb5::enctype::{ChecksumKey, CipherKey, CryptoError, EncryptionKey, KeyUsage};
use crate::krb5::message::{
    Checksum, EncKdcRepPart, Encoded, EncryptedData, ErrorCode, KdcExchange, KdcRep, KdcReq, KdcReqBody, KrbError,
    PaData, PaDataType, TicketFlags,
};
use crate::krb5::preauth::{Conversation, Move, OwnedPaData, method_data};
use crate::name::Principal;
use crate::question::{self, Question};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use core::fmt;

/// The key usage of the checksum with which a KDC says what request it saw (RFC 6806 11).
const AS_REQ_CHECKSUM: KeyUsage = KeyUsage(56);

/// The most requests of one login, whatever a KDC says; as many as MIT krb5 makes.
pub const LOGIN_REQUEST_LIMIT: u32 = 16;

/// The AS exchange (RFC 4120 3.1): a client's first ticket, for its password or keys.
///
/// The first request carries no proof. Most KDCs then ask for one, and name the methods that they take and how the client's
/// key is made; the first of [`TicketOptions::preauth`] among them is used, in as many requests as it takes. The ticket is one
/// for the ticket-granting service, unless [`TicketOptions::service`] names another.
pub struct Login {
    applicant: Applicant,
    conversation: Conversation,
    /// Requests made.
    requests: u32,
    waiting: Option<Box<Waiting>>,
}

/// What a login waits for.
enum Waiting {
    Reply(Sent),
    Answer(Draft, Question),
}

/// The request that waits for its answer.
struct Sent {
    draft: Draft,
    request: KdcRequest,
}

impl Login {
    /// A login of `client`, whose realm must be known.
    pub fn new(client: Principal, secret: ClientSecret, options: TicketOptions, random: Arc<dyn Random>) -> Login {
        let applicant = Applicant { client, secret, options, random };
        Login { applicant, conversation: Conversation::default(), requests: 0, waiting: None }
    }

    /// Makes the first request.
    ///
    /// # Errors
    /// [`ExchangeError::NoUsableEnctype`], [`ExchangeError::Random`], and [`ExchangeError::ApiMisuse`] for a client
    /// without a realm or a service of another realm.
    pub fn begin(self, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        self.start(false, now)
    }

    /// Takes the KDC's answer.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub fn reply(mut self, reply: &[u8], now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        let Some(Waiting::Reply(sent)) = self.waiting.take().map(|waiting| *waiting) else {
            return Err(ExchangeError::ApiMisuse("a reply to no request"));
        };
        match Answer::decode(reply)? {
            Answer::Reply(reply) => self.accept(&sent, &reply, now).map(Box::new).map(ExchangeStep::Complete),
            Answer::Refusal(error) => self.go_on(sent, &error, now),
        }
    }

    /// Takes the answer to the question that was asked.
    ///
    /// # Errors
    /// Any [`ExchangeError`].
    pub fn answer(mut self, answer: question::Answer, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        let Some(Waiting::Answer(draft, _)) = self.waiting.take().map(|waiting| *waiting) else {
            return Err(ExchangeError::ApiMisuse("an answer to no question"));
        };
        let next = self.conversation.answered(answer, &self.applicant.round(&draft, now))?;
        self.follow(draft, next)
    }

    /// Goes on without an answer to the question that was asked: there is no ticket then.
    ///
    /// # Errors
    /// Always: [`ExchangeError::Declined`], or [`ExchangeError::ApiMisuse`] if nothing was asked.
    pub fn decline(mut self, _now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        Err(match self.waiting.take().map(|waiting| *waiting) {
            Some(Waiting::Answer(_, question)) => ExchangeError::Declined(Box::new(question)),
            _ => ExchangeError::ApiMisuse("nothing was asked"),
        })
    }

    /// A request without a proof.
    fn start(self, tcp_required: bool, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        let draft = self.applicant.draft(tcp_required, now)?;
        self.send(draft, &[])
    }

    fn follow(mut self, draft: Draft, next: Move) -> Result<ExchangeStep<Login>, ExchangeError> {
        match next {
            Move::Send(padata) => self.send(draft, &padata),
            Move::Ask(question) => {
                self.waiting = Some(Box::new(Waiting::Answer(draft, question.clone())));
                Ok(ExchangeStep::NeedsAnswer(self, question))
            }
        }
    }

    /// Sends a draft with padata, and says that the KDC's view of it will be checked (RFC 6806 11).
    fn send(mut self, draft: Draft, own: &[OwnedPaData]) -> Result<ExchangeStep<Login>, ExchangeError> {
        let mut padata = self.conversation.padata(own);
        padata.push(PaData { padata_type: PaDataType::REQ_ENC_PA_REP, padata_value: &[] });
        let req_body = Encoded::<KdcReqBody<'_>>::decode(&draft.body)?;
        let bytes = KdcReq { exchange: KdcExchange::As, padata, req_body }.to_der();
        let realm = draft.asked.kdc_realm.clone();
        let request = KdcRequest { realm, bytes, tcp_required: draft.tcp_required };
        self.requests += 1;
        self.wait(Sent { draft, request })
    }

    fn wait(mut self, sent: Sent) -> Result<ExchangeStep<Login>, ExchangeError> {
        let request = sent.request.clone();
        self.waiting = Some(Box::new(Waiting::Reply(sent)));
        Ok(ExchangeStep::NeedsKdc(self, request))
    }

    /// A refusal may tell how to ask better.
    fn go_on(mut self, mut sent: Sent, error: &KrbError<'_>, now: Time) -> Result<ExchangeStep<Login>, ExchangeError> {
        let tcp_required = sent.request.tcp_required;
        match error.error_code {
            ErrorCode::KRB_ERR_RESPONSE_TOO_BIG if !tcp_required => {
                sent.request.tcp_required = true;
                self.wait(sent)
            }
            ErrorCode::KDC_ERR_WRONG_REALM => {
                let realm = error.crealm.unwrap_or_default().to_string();
                Err(ExchangeError::Referral { name: self.applicant.client, realm })
            }
            _ if self.requests >= LOGIN_REQUEST_LIMIT => Err(self.refused(&sent, error, now)),
            // The KDC has forgotten the conversation (RFC 6113 5.2).
            ErrorCode::KDC_ERR_PREAUTH_EXPIRED => {
                self.conversation = Conversation::default();
                self.start(tcp_required, now)
            }
            _ => {
                let draft = self.applicant.draft(tcp_required, now)?;
                match self.next(&draft, error, now)? {
                    Some(next) => self.follow(draft, next),
                    None => Err(self.refused(&sent, error, now)),
                }
            }
        }
    }

    /// What the client's pre-authentication makes of an error (RFC 6113 2.3); none if it ends the conversation.
    fn next(&mut self, draft: &Draft, error: &KrbError<'_>, now: Time) -> Result<Option<Move>, ExchangeError> {
        let round = self.applicant.round(draft, now);
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
            code if begun => self.conversation.refused(code, &method_data(error.e_data).unwrap_or_default(), &round),
            _ => Ok(None),
        }
    }

    fn refused(&self, sent: &Sent, error: &KrbError<'_>, now: Time) -> ExchangeError {
        let refusal = KdcRefusal::new(&sent.draft.asked, self.conversation.proof(), error, now);
        let (tried, takes) = (self.conversation.tried(), self.conversation.offered());
        ExchangeError::Refused(Box::new(KdcRefusal { tried, takes, ..refusal }))
    }

    fn accept(&mut self, sent: &Sent, reply: &KdcRep<'_>, now: Time) -> Result<HeldTicket, ExchangeError> {
        sent.draft.asked.check_outside(reply)?;
        let round = self.applicant.round(&sent.draft, now);
        let keys = self.conversation.reply_keys(&reply.padata, reply.enc_part.etype, &sent.request.bytes, &round)?;
        let (key, plain) = self.decrypt(&keys, &reply.enc_part)?;
        let part = EncKdcRepPart::decode(plain.expose())?;
        let ticket = sent.draft.asked.take(reply, &part, now)?;
        check_request(key, &sent.request.bytes, &part)?;
        Ok(ticket)
    }

    fn decrypt<'k>(
        &self,
        keys: &'k [EncryptionKey],
        part: &EncryptedData<'_>,
    ) -> Result<(&'k EncryptionKey, Secret), ExchangeError> {
        for key in keys {
            match CipherKey::new(key, KeyUsage::AS_REP_ENC_PART)?.decrypt(part.cipher) {
                Ok(plain) => return Ok((key, plain)),
                Err(CryptoError::IntegrityCheckFailed | CryptoError::TooShort { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let client = self.applicant.client.clone();
        Err(ExchangeError::WrongSecret { client, enctype: part.etype, kvno: part.kvno })
    }
}

/// Whether the KDC saw the request that was sent. It says so if it sets the flag enc-pa-rep (RFC 6806 11).
fn check_request(key: &EncryptionKey, request: &[u8], part: &EncKdcRepPart<'_>) -> Result<(), ExchangeError> {
    if !part.flags.contains(TicketFlags::ENC_PA_REP) {
        return Ok(());
    }
    let changed = || ExchangeError::mismatch(Mismatch::RequestChanged);
    let seen = part.encrypted_pa_data.iter().find(|padata| padata.padata_type == PaDataType::REQ_ENC_PA_REP);
    let seen = Checksum::decode(seen.ok_or_else(changed)?.padata_value)?;
    let key = ChecksumKey::new(key, AS_REQ_CHECKSUM)?;
    if seen.cksumtype != key.checksum_type() {
        return Err(changed());
    }
    key.verify(&[request], seen.checksum).map_err(|_| changed())
}

/// Shows the client, not its secret.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("client", &self.applicant.client).finish_non_exhaustive()
    }
}
