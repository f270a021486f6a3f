use super::{Mechanism, Method, Move, OwnedPaData, Replied, Round, Said};
use crate::crypto::Secret;
use crate::krb5::enctype::{CipherKey, EncryptionKey, KeyUsage};
use crate::krb5::exchange::{ClientProof, ExchangeError, draw_confounder};
use crate::krb5::message::{
    EncryptedData, ErrorCode, OtpFlags, OtpFormat, OtpTokenInfo, PaDataType, PaOtpChallenge, PaOtpEncRequest,
    PaOtpRequest, Utf8String,
};
use crate::name::Principal;
use crate::question::{Answer, OtpToken, OtpValue, Question};
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// One-time passwords (RFC 6560), which the KDC has checked elsewhere: they are sent inside of FAST, under the armor key, and the
/// reply is under the armor key too (3.6). That the KDC is the right one, the armor alone proves.
pub(super) struct Otp;

impl Method for Otp {
    fn padata_type(&self) -> PaDataType {
        PaDataType::OTP_CHALLENGE
    }

    /// Inside of FAST alone.
    fn begin(&self, round: &Round<'_>) -> Option<Box<dyn Mechanism>> {
        if round.secret.is_agreed() {
            return None;
        }
        let (armor, client) = (round.armor?.clone(), round.client.clone());
        Some(Box::new(InUse { armor, client, nonce: Vec::new(), tokens: Vec::new(), sent: false, again: false }))
    }
}

struct InUse {
    armor: EncryptionKey,
    client: Principal,
    /// The KDC's, from its last challenge.
    nonce: Vec<u8>,
    /// Those that were asked for.
    tokens: Vec<OtpToken>,
    /// Whether a password was sent.
    sent: bool,
    /// Whether a second one was asked for.
    again: bool,
}

impl Mechanism for InUse {
    fn step(&mut self, said: &Said<'_>, _: &Round<'_>) -> Result<Move, ExchangeError> {
        let value = said.find(PaDataType::OTP_CHALLENGE).filter(|_| !self.sent).ok_or(OtpError::Unexpected)?;
        Ok(Move::Ask(self.hear(value)?))
    }

    fn answered(&mut self, answer: Answer, round: &Round<'_>) -> Result<Move, ExchangeError> {
        let Answer::Otp(answer) = answer else {
            return Err(ExchangeError::ApiMisuse("an answer to another question"));
        };
        let request = self.request(&answer, round)?;
        self.sent = true;
        Ok(Move::Send(vec![OwnedPaData::new(PaDataType::OTP_REQUEST, request)]))
    }

    /// Another password, once, if the KDC says that it and the token are out of step (RFC 6560 2.4).
    fn refused(&mut self, code: ErrorCode, said: &Said<'_>, _: &Round<'_>) -> Option<Move> {
        let failed = code == ErrorCode::KDC_ERR_PREAUTH_FAILED && self.sent && !self.again;
        let question = self.hear(said.find(PaDataType::OTP_CHALLENGE).filter(|_| failed)?).ok()?;
        self.again = true;
        self.tokens.iter().all(|token| token.flags.contains(OtpFlags::NEXT_OTP)).then_some(Move::Ask(question))
    }

    fn proof(&self) -> Option<ClientProof> {
        self.sent.then_some(ClientProof::OneTimePassword)
    }

    fn reply_keys(&mut self, _: &Replied<'_>, _: &Round<'_>) -> Result<Vec<EncryptionKey>, ExchangeError> {
        match self.sent {
            true => Ok(vec![self.armor.clone()]),
            false => Err(OtpError::Unexpected.into()),
        }
    }
}

impl InUse {
    /// Takes a challenge, and makes the question that asks for a password.
    fn hear(&mut self, value: &[u8]) -> Result<Question, ExchangeError> {
        let challenge = PaOtpChallenge::decode(value)?;
        for token in &challenge.token_info {
            check(token)?;
        }
        self.tokens = challenge.token_info.iter().filter(|token| is_usable(token)).map(owned).collect();
        if self.tokens.is_empty() {
            return Err(OtpError::NoToken { offered: challenge.token_info.len() }.into());
        }
        self.nonce = challenge.nonce.to_vec();
        let service = challenge.service.map(|service| service.0.to_owned());
        Ok(Question::Otp { client: self.client.clone(), service, tokens: self.tokens.clone() })
    }

    /// The PA-OTP-REQUEST (RFC 6560 3.3).
    fn request(&self, answer: &OtpValue, round: &Round<'_>) -> Result<Vec<u8>, ExchangeError> {
        let token = self.tokens.get(answer.token).ok_or(OtpError::NoSuchToken { token: answer.token })?;
        let (value, pin) = with_pin(token, answer)?;
        let plain = PaOtpEncRequest { nonce: &self.nonce }.to_der();
        let mut cipher = Vec::new();
        let confounder = draw_confounder(round.random)?;
        CipherKey::new(&self.armor, KeyUsage::OTP_REQUEST)?.encrypt(&confounder, &plain, &mut cipher);
        let request = PaOtpRequest {
            flags: token.flags & (OtpFlags::NEXT_OTP | OtpFlags::COMBINE),
            nonce: None,
            enc_data: EncryptedData { etype: self.armor.enctype(), kvno: None, cipher: &cipher },
            hash_alg: None,
            iteration_count: None,
            value: Some(value.expose()),
            pin,
            challenge: None,
            time: None,
            counter: None,
            format: token.format,
            token_id: token.id.as_deref(),
            alg_id: token.algorithm.as_deref().map(Utf8String),
            vendor: token.vendor.as_deref().map(Utf8String),
        };
        Ok(request.to_der())
    }
}

/// What makes a challenge invalid (RFC 6560 3.3).
fn check(token: &OtpTokenInfo<'_>) -> Result<(), OtpError> {
    let flags = token.flags;
    if flags.contains(OtpFlags::COLLECT_PIN | OtpFlags::DO_NOT_COLLECT_PIN) {
        return Err(OtpError::Invalid("a token's PIN is to be asked for, and not to be"));
    }
    if flags.contains(OtpFlags::COMBINE) && token.challenge.is_none() {
        return Err(OtpError::Invalid("a token is to combine a challenge that is not there"));
    }
    if flags.contains(OtpFlags::CHECK_DIGIT) && token.format.is_some_and(|format| format != OtpFormat::DECIMAL) {
        return Err(OtpError::Invalid("a check digit at what is not decimal"));
    }
    Ok(())
}

/// Whether the password itself is wanted: keys made of it (RFC 6560 3.6) are not known here.
fn is_usable(token: &OtpTokenInfo<'_>) -> bool {
    let hashed = !token.supported_hash_alg.is_empty() || token.iteration_count.is_some();
    !hashed && !token.flags.contains(OtpFlags::MUST_ENCRYPT_NONCE)
}

fn owned(token: &OtpTokenInfo<'_>) -> OtpToken {
    OtpToken {
        flags: token.flags,
        vendor: token.vendor.map(|vendor| vendor.0.to_owned()),
        challenge: token.challenge.map(<[u8]>::to_vec),
        length: token.length.and_then(|length| u32::try_from(length).ok()),
        format: token.format,
        id: token.token_id.map(<[u8]>::to_vec),
        algorithm: token.alg_id.map(|algorithm| algorithm.0.to_owned()),
    }
}

/// The password and the PIN, which stand apart or together, the PIN first.
fn with_pin<'a>(token: &OtpToken, answer: &'a OtpValue) -> Result<(Secret<Vec<u8>>, Option<Utf8String<'a>>), OtpError> {
    let Some(pin) = &answer.pin else {
        let needed = token.flags.contains(OtpFlags::COLLECT_PIN | OtpFlags::SEPARATE_PIN_REQUIRED);
        return if needed { Err(OtpError::NoPin) } else { Ok((answer.value.clone(), None)) };
    };
    if token.flags.contains(OtpFlags::SEPARATE_PIN_REQUIRED) {
        let pin = core::str::from_utf8(pin.expose()).map_err(|_| OtpError::PinNotUtf8)?;
        return Ok((answer.value.clone(), Some(Utf8String(pin))));
    }
    Ok((Secret::new([pin.expose().as_slice(), answer.value.expose()].concat()), None))
}

/// Why a login by one-time password (RFC 6560) can't go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtpError {
    /// The challenge contradicts itself, and how (RFC 6560 3.3).
    Invalid(&'static str),
    /// No token of the challenge can be used: keys made of the password, and hashes, are not known here.
    NoToken {
        /// How many the KDC names.
        offered: usize,
    },
    /// The answer is of a token that the question has not.
    NoSuchToken {
        /// The answer's.
        token: usize,
    },
    /// The token's PIN is wanted beside the password, and the answer has none.
    NoPin,
    /// The PIN goes beside the password, and is no UTF-8.
    PinNotUtf8,
    /// The KDC goes on without a challenge, or with another one after the password.
    Unexpected,
}

impl fmt::Display for OtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OtpError::Invalid(rule) => write!(f, "the KDC's wish for a one-time password is invalid: {rule}"),
            OtpError::NoToken { offered } => write!(
                f,
                "the KDC wants a one-time password of {offered} tokens, and all as keys or hashes, which are not known \
                 here: ask the realm's administrator for a token whose password is sent"
            ),
            OtpError::NoSuchToken { token } => write!(f, "there is no token {token} in the question for a password"),
            OtpError::NoPin => f.write_str("the token's PIN is wanted beside the one-time password: give it too"),
            OtpError::PinNotUtf8 => f.write_str("the token's PIN is not UTF-8"),
            OtpError::Unexpected => f.write_str("the KDC goes on otherwise than one-time passwords do"),
        }
    }
}

impl core::error::Error for OtpError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Random, RandomError};
    use crate::krb5::enctype::Enctype;
    use crate::krb5::exchange::TicketOptions;
    use crate::krb5::message::{OtpAlgorithmIdentifier, PaData};
    use crate::krb5::preauth::{ClientSecret, KeyHints};
    use crate::time::Time;
    use alloc::string::ToString;

    struct Ones;

    impl Random for Ones {
        fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
            out.fill(1);
            Ok(())
        }
    }

    const PLAIN: OtpTokenInfo<'static> = OtpTokenInfo {
        flags: OtpFlags::NONE,
        vendor: None,
        challenge: None,
        length: None,
        format: None,
        token_id: None,
        alg_id: None,
        supported_hash_alg: Vec::new(),
        iteration_count: None,
    };

    fn armor() -> EncryptionKey {
        EncryptionKey::new(Enctype::AES256_CTS_HMAC_SHA1_96, [7; 32]).unwrap()
    }

    fn with_round<T>(armor: Option<&EncryptionKey>, run: impl FnOnce(&Round<'_>) -> T) -> T {
        let (client, options) = ("alice@R".parse().unwrap(), TicketOptions::default());
        let secret = ClientSecret::OneTimePassword;
        let now = Time::from_unix_seconds(1_700_000_000);
        let (random, enctypes, body) = (&Ones, &[][..], &[][..]);
        run(&Round {
            client: &client,
            secret: &secret,
            options: &options,
            random,
            now,
            here: now,
            enctypes,
            nonce: 1,
            body,
            armor,
        })
    }

    fn challenge(tokens: &[OtpTokenInfo<'_>]) -> Vec<u8> {
        let (nonce, token_info) = (&b"from the KDC"[..], tokens.to_vec());
        PaOtpChallenge { nonce, service: Some(Utf8String("door")), token_info, salt: None, s2kparams: None }.to_der()
    }

    /// What the mechanism says to a challenge, with it.
    fn begin(challenge: &[u8]) -> (Box<dyn Mechanism>, Result<Move, ExchangeError>) {
        with_round(Some(&armor()), |round| {
            let mut mechanism = Otp.begin(round).unwrap();
            let padata = [PaData { padata_type: PaDataType::OTP_CHALLENGE, padata_value: challenge }];
            let said = mechanism.step(&Said { padata: &padata, hints: &KeyHints::default() }, round);
            (mechanism, said)
        })
    }

    fn refused(mechanism: &mut dyn Mechanism, code: ErrorCode, challenge: &[u8]) -> Option<Move> {
        let padata = [PaData { padata_type: PaDataType::OTP_CHALLENGE, padata_value: challenge }];
        let said = Said { padata: &padata, hints: &KeyHints::default() };
        with_round(Some(&armor()), |round| mechanism.refused(code, &said, round))
    }

    fn answer(mechanism: &mut dyn Mechanism, token: usize, pin: Option<&[u8]>) -> Result<Vec<u8>, ExchangeError> {
        let pin = pin.map(|pin| Secret::new(pin.to_vec()));
        let answer = Answer::Otp(OtpValue { token, value: Secret::new(b"755224".to_vec()), pin });
        with_round(Some(&armor()), |round| match mechanism.answered(answer, round)? {
            Move::Send(padata) => Ok(padata.into_iter().next().unwrap().padata_value),
            Move::Ask(question) => panic!("{question}"),
        })
    }

    fn error(result: Result<Move, ExchangeError>) -> OtpError {
        match result {
            Err(ExchangeError::Otp(error)) => error,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("it went on"),
        }
    }

    #[test]
    fn the_password_goes_with_the_nonce_under_the_armor_key_which_is_the_replys() {
        let token = OtpTokenInfo { vendor: Some(Utf8String("Maker")), token_id: Some(b"id"), ..PLAIN };
        let (mut mechanism, asked) = begin(&challenge(&[token]));
        let Ok(Move::Ask(Question::Otp { client, service, tokens })) = asked else { panic!() };
        assert_eq!((client.to_string().as_str(), service.as_deref(), tokens.len()), ("alice@R", Some("door"), 1));
        assert_eq!(mechanism.proof(), None);
        let request = answer(&mut *mechanism, 0, None).unwrap();
        let request = PaOtpRequest::decode(&request).unwrap();
        assert_eq!((request.value, request.pin, request.flags), (Some(&b"755224"[..]), None, OtpFlags::NONE));
        assert_eq!((request.vendor, request.token_id), (Some(Utf8String("Maker")), Some(&b"id"[..])));
        let key = CipherKey::new(&armor(), KeyUsage(45)).unwrap();
        let plain = key.decrypt(request.enc_data.cipher).unwrap();
        assert_eq!(PaOtpEncRequest::decode(plain.expose()).unwrap().nonce, b"from the KDC");
        assert_eq!(mechanism.proof(), Some(ClientProof::OneTimePassword));
        let (hints, enctype) = (&KeyHints::default(), Enctype(18));
        let reply = Replied { padata: &[], hints, enctype, request: &[] };
        assert_eq!(with_round(None, |round| mechanism.reply_keys(&reply, round)), Ok(vec![armor()]));
    }

    #[test]
    fn it_takes_armor_and_a_password_before_the_reply() {
        assert!(with_round(None, |round| Otp.begin(round).is_none()));
        let (mut mechanism, _) = begin(&challenge(&[PLAIN]));
        let (hints, enctype) = (&KeyHints::default(), Enctype(18));
        let reply = Replied { padata: &[], hints, enctype, request: &[] };
        assert!(with_round(None, |round| mechanism.reply_keys(&reply, round)).is_err());
        assert_eq!(answer(&mut *mechanism, 1, None), Err(OtpError::NoSuchToken { token: 1 }.into()));
    }

    #[test]
    fn a_pin_goes_beside_the_password_or_in_front_of_it() {
        let (mut mechanism, _) = begin(&challenge(&[PLAIN]));
        let request = answer(&mut *mechanism, 0, Some(b"pin")).unwrap();
        let request = PaOtpRequest::decode(&request).unwrap();
        assert_eq!((request.value, request.pin), (Some(&b"pin755224"[..]), None));
        let apart = OtpTokenInfo { flags: OtpFlags::COLLECT_PIN | OtpFlags::SEPARATE_PIN_REQUIRED, ..PLAIN };
        let (mut mechanism, _) = begin(&challenge(&[apart]));
        assert_eq!(answer(&mut *mechanism, 0, None), Err(OtpError::NoPin.into()));
        assert_eq!(answer(&mut *mechanism, 0, Some(b"\xff")), Err(OtpError::PinNotUtf8.into()));
        let request = answer(&mut *mechanism, 0, Some(b"pin")).unwrap();
        let request = PaOtpRequest::decode(&request).unwrap();
        assert_eq!((request.value, request.pin), (Some(&b"755224"[..]), Some(Utf8String("pin"))));
    }

    #[test]
    fn challenges_that_contradict_themselves_are_refused_and_tokens_that_make_keys_passed_over() {
        let both = OtpFlags::COLLECT_PIN | OtpFlags::DO_NOT_COLLECT_PIN;
        let invalid = [
            OtpTokenInfo { flags: both, ..PLAIN },
            OtpTokenInfo { flags: OtpFlags::COMBINE, ..PLAIN },
            OtpTokenInfo { flags: OtpFlags::CHECK_DIGIT, format: Some(OtpFormat::HEXADECIMAL), ..PLAIN },
        ];
        for token in invalid {
            assert!(matches!(error(begin(&challenge(&[PLAIN, token])).1), OtpError::Invalid(_)));
        }
        let unusable = [
            OtpTokenInfo { flags: OtpFlags::MUST_ENCRYPT_NONCE, ..PLAIN },
            OtpTokenInfo { iteration_count: Some(1), ..PLAIN },
            OtpTokenInfo { supported_hash_alg: vec![OtpAlgorithmIdentifier(&[5, 0])], ..PLAIN },
        ];
        for token in unusable {
            assert_eq!(error(begin(&challenge(core::slice::from_ref(&token))).1), OtpError::NoToken { offered: 1 });
            let asked = begin(&challenge(&[token, OtpTokenInfo { length: Some(6), ..PLAIN }])).1;
            assert!(matches!(asked, Ok(Move::Ask(Question::Otp { tokens, .. })) if tokens[0].length == Some(6)));
        }
    }

    #[test]
    fn a_token_out_of_step_is_asked_once_more() {
        const FAILED: ErrorCode = ErrorCode::KDC_ERR_PREAUTH_FAILED;
        let next = challenge(&[OtpTokenInfo { flags: OtpFlags::NEXT_OTP, ..PLAIN }]);
        let (mut mechanism, _) = begin(&challenge(&[PLAIN]));
        assert!(refused(&mut *mechanism, FAILED, &next).is_none(), "nothing was sent yet");
        answer(&mut *mechanism, 0, None).unwrap();
        assert!(refused(&mut *mechanism, ErrorCode::KDC_ERR_POLICY, &next).is_none());
        assert!(matches!(refused(&mut *mechanism, FAILED, &next), Some(Move::Ask(Question::Otp { .. }))));
        let request = answer(&mut *mechanism, 0, None).unwrap();
        assert_eq!(PaOtpRequest::decode(&request).unwrap().flags, OtpFlags::NEXT_OTP);
        assert!(refused(&mut *mechanism, FAILED, &next).is_none(), "once");
        let (mut mechanism, _) = begin(&challenge(&[PLAIN]));
        answer(&mut *mechanism, 0, None).unwrap();
        assert!(refused(&mut *mechanism, FAILED, &challenge(&[PLAIN])).is_none(), "the same challenge is a refusal");
    }

    #[test]
    fn no_challenge_that_is_cut_asks_for_anything() {
        let whole = challenge(&[PLAIN]);
        for length in 0..whole.len() {
            assert!(begin(&whole[..length]).1.is_err(), "{length}");
        }
    }
}
