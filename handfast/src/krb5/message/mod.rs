//! The messages of Kerberos V5 (RFC 4120 5), by section: one struct per ASN.1 type, its definition above it.
//!
//! - Every type has `decode(bytes)`, which takes a whole encoding and refuses bytes behind it, `encode(&mut out)`
//!   and `to_der()`, which cannot fail.
//! - Decoded values borrow from the input: strings, ciphertexts and keys are not copied. The same structs are
//!   filled from borrowed parts to be encoded.
//! - What is checksummed or passed on byte for byte (a [`Ticket`], a [`KdcReqBody`]) stands in its message as
//!   [`Encoded`], the value beside its bytes as they were received.
//! - Reading is DER with the allowances that RFC 4120 makes: UInt32 from negative INTEGERs, flags shorter or
//!   longer than 32 bits, empty lists for absent ones. Writing is strict.
//! - No type of RFC 4120 is extensible in the sense of ASN.1 (section 1.5: "extension" is a new type in a typed
//!   hole), so an unknown field is an error, except in [`ChangePasswdData`] (RFC 3244 2 asks for it) and in the messages
//!   of FAST (RFC 6113 5.4), of SPAKE (RFC 9588 4), of OTP (RFC 6560 4) and of IAKERB (draft-ietf-kitten-iakerb-03), which are extensible.
//! - Every list has a limit: [`PADATA_LIMIT`] and its neighbours.

mod ap;
mod authorization_data;
mod cammac;
mod cred;
mod encoded;
mod encrypted_data;
mod error;
mod fast;
mod flags;
mod host_address;
mod iakerb;
mod kdc;
mod kdc_rep;
mod otp;
mod padata;
mod password;
mod password_frame;
mod principal;
mod s4u;
mod safe_priv;
mod spake;
mod ticket;
mod time;
mod user_to_user;
mod utf8_string;

pub use ap::{ApOptions, ApRep, ApReq, Authenticator, EncApRepPart};
pub use authorization_data::{AD_DEPTH_LIMIT, AD_LIMIT, AdElement, AdKdcIssued, AdType, AuthorizationData};
pub use cammac::{AdCammac, AuthenticationIndicators, CAMMAC_LIMIT, VerifierMac};
pub use cred::{CRED_LIMIT, EncKrbCredPart, KrbCred, KrbCredInfo};
pub use encoded::Encoded;
pub use encrypted_data::{Checksum, EncryptedData, KeyRef};
pub use error::{ErrorCode, KrbError, MethodData, TYPED_DATA_LIMIT, TypedData, TypedDataElement};
pub use fast::{
    ArmorType, FastOptions, KrbFastArmor, KrbFastArmoredRep, KrbFastArmoredReq, KrbFastFinished, KrbFastReq,
    KrbFastResponse, PaFxFastReply, PaFxFastRequest,
};
pub use host_address::{ADDRESS_LIMIT, AddressType, HostAddress};
pub use iakerb::{IakerbHeader, KrbFinished, TargetRealm};
pub use kdc::{ETYPE_LIMIT, KdcExchange, KdcOptions, KdcReq, KdcReqBody};
pub use kdc_rep::{EncKdcRepPart, KdcRep, LAST_REQ_LIMIT, LastReqEntry, LrType};
pub use otp::{
    OTP_TOKEN_LIMIT, OtpAlgorithmIdentifier, OtpFlags, OtpFormat, OtpTokenInfo, PaOtpChallenge, PaOtpEncRequest,
    PaOtpRequest,
};
pub use padata::{
    ETYPE_INFO_LIMIT, EtypeInfo, EtypeInfo2, EtypeInfo2Entry, EtypeInfoEntry, PADATA_LIMIT, PaData, PaDataType,
    PaEncTsEnc, PaPacRequest,
};
pub use password::ChangePasswdData;
pub use password_frame::{PasswordMessage, PasswordPolicy, PasswordResult, PasswordResultCode};
pub use principal::{NAME_COMPONENT_LIMIT, PrincipalName};
pub use s4u::{PaForUser, PaPacOptions, PaS4uX509User, PacOptions, S4uOptions, S4uUserId};
pub use safe_priv::{EncKrbPrivPart, KrbPriv, KrbSafe, KrbSafeBody};
pub use spake::{
    PaSpake, SPAKE_LIMIT, SpakeChallenge, SpakeFactorType, SpakeGroup, SpakeResponse, SpakeSecondFactor, SpakeSupport,
    UnknownSpakeGroup,
};
pub use ticket::{EncTicketPart, TICKET_LIMIT, Ticket, TicketFlags, TransitedEncoding};
pub use time::{KerberosTime, Microseconds};
pub use user_to_user::{KerbTgtReply, KerbTgtRequest};
pub use utf8_string::Utf8String;

/// An integer type: Int32 on the wire.
macro_rules! int32 {
    ($type:ty) => {
        impl<'a> crate::asn1::Asn1<'a> for $type {
            fn read(reader: &mut crate::asn1::DerReader<'a>) -> Result<Self, crate::wire::DecodeError> {
                <i32 as crate::asn1::Asn1<'a>>::read(reader).map(Self)
            }

            fn write(&self, writer: &mut crate::asn1::DerWriter<'_>) {
                self.0.write(writer);
            }
        }
    };
}
use int32;

#[cfg(test)]
mod tests;
