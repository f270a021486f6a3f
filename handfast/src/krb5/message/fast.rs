use super::encoded::Encoded;
use super::flags::kerberos_flags;
use super::{Checksum, EncryptedData, KdcReqBody, KerberosTime, KeyRef, Microseconds, PaData, PrincipalName, int32};
use crate::asn1::{Asn1, DerReader, DerWriter, der_methods, sequence, tag};
use crate::wire::DecodeError;
use alloc::vec::Vec;

/// A message that is a CHOICE of one alternative so far, `[0]`.
macro_rules! armored_data {
    ($(#[$doc:meta])* $name:ident, $inner:ident, $asn1:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name<'a>(pub $inner<'a>);

        impl<'a> Asn1<'a> for $name<'a> {
            fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
                reader.nested(tag::context(0), $inner::read).map($name)
            }

            fn write(&self, writer: &mut DerWriter<'_>) {
                writer.nested(tag::context(0), |inner| self.0.write(inner));
            }
        }
        der_methods!($name<'a>, $asn1);
    };
}

armored_data! {
    /// The padata-value of PA-FX-FAST in a request (RFC 6113 5.4.2).
    ///
    /// ```text
    /// PA-FX-FAST-REQUEST ::= CHOICE {
    ///     armored-data  [0] KrbFastArmoredReq,
    ///     ...
    /// }
    /// ```
    PaFxFastRequest, KrbFastArmoredReq, "PA-FX-FAST-REQUEST"
}

/// A request inside of its armor (RFC 6113 5.4.2).
///
/// ```text
/// KrbFastArmoredReq ::= SEQUENCE {
///     armor         [0] KrbFastArmor OPTIONAL, -- MUST be present in AS-REQ
///     req-checksum  [1] Checksum,
///     enc-fast-req  [2] EncryptedData, -- KrbFastReq
///     ...
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KrbFastArmoredReq<'a> {
    /// What the armor key comes from; absent in a TGS-REQ, whose authenticator says it.
    pub armor: Option<KrbFastArmor<'a>>,
    /// Of the KDC-REQ-BODY outside in an AS-REQ, of the AP-REQ in a TGS-REQ; under the armor key, with usage 50.
    pub req_checksum: Checksum<'a>,
    /// A [`KrbFastReq`] under the armor key, with usage 51.
    pub enc_fast_req: EncryptedData<'a>,
}

sequence! {
    KrbFastArmoredReq<'a>, fields { optional 0 armor, field 1 req_checksum, field 2 enc_fast_req }, extensible
}

/// What an armor key comes from (RFC 6113 5.4.1).
///
/// ```text
/// KrbFastArmor ::= SEQUENCE {
///     armor-type   [0] Int32,
///     armor-value  [1] OCTET STRING,
///     ...
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KrbFastArmor<'a> {
    /// What `armor_value` is.
    pub armor_type: ArmorType,
    /// For [`ArmorType::AP_REQUEST`], an AP-REQ with a subkey.
    pub armor_value: &'a [u8],
}

sequence! { KrbFastArmor<'a>, fields { field 0 armor_type, field 1 armor_value }, extensible }

/// The type of a [`KrbFastArmor`] (RFC 6113 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ArmorType(pub i32);

impl ArmorType {
    /// FX_FAST_ARMOR_AP_REQUEST: a ticket of the ticket-granting service (RFC 6113 5.4.1.1).
    pub const AP_REQUEST: ArmorType = ArmorType(1);
}

int32!(ArmorType);

/// The request that counts, inside of the armor (RFC 6113 5.4.2).
///
/// ```text
/// KrbFastReq ::= SEQUENCE {
///     fast-options  [0] FastOptions,
///     padata        [1] SEQUENCE OF PA-DATA,
///     req-body      [2] KDC-REQ-BODY,
///     ...
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KrbFastReq<'a> {
    /// What the KDC shall do otherwise than usual.
    pub fast_options: FastOptions,
    /// Proofs, and what else would stand outside.
    pub padata: Vec<PaData<'a>>,
    /// What is asked for; the body outside does not count.
    pub req_body: Encoded<'a, KdcReqBody<'a>>,
}

sequence! { KrbFastReq<'a>, fields { field 0 fast_options, field 1 padata, field 2 req_body }, extensible }
der_methods!(KrbFastReq<'a>, "KrbFastReq");

kerberos_flags! {
    /// The options of FAST (RFC 6113 5.4.2), as 32 bits: bit 0 is the most significant. A KDC must know those up to bit 15.
    ///
    /// ```text
    /// FastOptions ::= KerberosFlags
    /// ```
    FastOptions {
        /// The KDC names the anonymous principal where its answers would name the client in clear.
        HIDE_CLIENT_NAMES = 1;
        /// Reserved.
        KDC_FOLLOW_REFERRALS = 16;
    }
}

impl FastOptions {
    /// The options that a KDC has to refuse, as it doesn't know them: critical ones that no document defines.
    pub const UNKNOWN_CRITICAL: FastOptions = FastOptions(0xffff_0000).without(FastOptions::HIDE_CLIENT_NAMES);
}

armored_data! {
    /// The padata-value of PA-FX-FAST in a reply or an error (RFC 6113 5.4.3).
    ///
    /// ```text
    /// PA-FX-FAST-REPLY ::= CHOICE {
    ///     armored-data  [0] KrbFastArmoredRep,
    ///     ...
    /// }
    /// ```
    PaFxFastReply, KrbFastArmoredRep, "PA-FX-FAST-REPLY"
}

/// A reply inside of the request's armor (RFC 6113 5.4.3).
///
/// ```text
/// KrbFastArmoredRep ::= SEQUENCE {
///     enc-fast-rep  [0] EncryptedData, -- KrbFastResponse
///     ...
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KrbFastArmoredRep<'a> {
    /// A [`KrbFastResponse`] under the armor key, with usage 52.
    pub enc_fast_rep: EncryptedData<'a>,
}

sequence! { KrbFastArmoredRep<'a>, fields { field 0 enc_fast_rep }, extensible }

/// What the KDC says inside of the armor (RFC 6113 5.4.3).
///
/// ```text
/// KrbFastResponse ::= SEQUENCE {
///     padata          [0] SEQUENCE OF PA-DATA,
///     strengthen-key  [1] EncryptionKey OPTIONAL,
///     finished        [2] KrbFastFinished OPTIONAL,
///     nonce           [3] UInt32,
///     ...
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KrbFastResponse<'a> {
    /// What would stand outside.
    pub padata: Vec<PaData<'a>>,
    /// Strengthens the reply key; never in an error.
    pub strengthen_key: Option<KeyRef<'a>>,
    /// In a reply with a ticket, not in an error.
    pub finished: Option<KrbFastFinished<'a>>,
    /// That of the request.
    pub nonce: u32,
}

sequence! {
    KrbFastResponse<'a>,
    fields { field 0 padata, optional 1 strengthen_key, optional 2 finished, field 3 nonce },
    extensible
}
der_methods!(KrbFastResponse<'a>, "KrbFastResponse");

/// What binds a ticket to the conversation that it came of (RFC 6113 5.4.3).
///
/// ```text
/// KrbFastFinished ::= SEQUENCE {
///     timestamp        [0] KerberosTime,
///     usec             [1] Microseconds,
///     crealm           [2] Realm,
///     cname            [3] PrincipalName,
///     ticket-checksum  [4] Checksum,
///     ...
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KrbFastFinished<'a> {
    /// The KDC's time.
    pub timestamp: KerberosTime,
    /// Its microseconds.
    pub usec: Microseconds,
    /// The client's realm.
    pub crealm: &'a str,
    /// The client that was authenticated.
    pub cname: PrincipalName<'a>,
    /// Of the ticket, under the armor key, with usage 53.
    pub ticket_checksum: Checksum<'a>,
}

sequence! {
    KrbFastFinished<'a>,
    fields { field 0 timestamp, field 1 usec, field 2 crealm, field 3 cname, field 4 ticket_checksum },
    extensible
}
