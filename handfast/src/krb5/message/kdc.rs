use super::encoded::{Encoded, encoded_methods};
use super::flags::kerberos_flags;
use super::{EncryptedData, HostAddress, KerberosTime, PaData, PrincipalName, Ticket};
use crate::asn1::{Asn1, DerReader, DerWriter, Listed, der_methods, sequence, tag};
use crate::krb5::enctype::Enctype;
use crate::wire::DecodeError;
use alloc::vec::Vec;

/// The most enctypes that a request is read with.
pub const ETYPE_LIMIT: usize = 64;

/// Which exchange with the KDC a message belongs to (RFC 4120 3.1, 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KdcExchange {
    /// AS: the first ticket, for who proves to be the client.
    As,
    /// TGS: further tickets, for who holds a ticket-granting ticket.
    Tgs,
}

impl KdcExchange {
    /// The APPLICATION tag and msg-type of the request.
    pub(super) const fn request(self) -> u8 {
        match self {
            KdcExchange::As => 10,
            KdcExchange::Tgs => 12,
        }
    }

    /// The APPLICATION tag and msg-type of the reply.
    pub(super) const fn reply(self) -> u8 {
        self.request() + 1
    }

    /// The APPLICATION tag of the reply's encrypted part.
    pub(super) const fn enc_part(self) -> u8 {
        match self {
            KdcExchange::As => 25,
            KdcExchange::Tgs => 26,
        }
    }

    /// The exchange whose `number` is the tag of the next element; AS if it is neither's, so that the error names
    /// that tag.
    pub(super) fn of_next(reader: &DerReader<'_>, number: fn(KdcExchange) -> u8) -> Self {
        if reader.peek() == Some(tag::application(number(KdcExchange::Tgs))) {
            KdcExchange::Tgs
        } else {
            KdcExchange::As
        }
    }
}

/// Reads `[APPLICATION number] SEQUENCE`.
pub(super) fn read_application<'a, T>(
    reader: &mut DerReader<'a>,
    number: u8,
    fields: impl FnOnce(&mut DerReader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    reader.nested(tag::application(number), |inner| inner.nested(tag::SEQUENCE, fields))
}

/// Writes `[APPLICATION number] SEQUENCE`.
pub(super) fn write_application(writer: &mut DerWriter<'_>, number: u8, fields: impl FnOnce(&mut DerWriter<'_>)) {
    writer.nested(tag::application(number), |inner| inner.nested(tag::SEQUENCE, fields));
}

/// A request to the KDC (RFC 4120 5.4.1).
///
/// ```text
/// AS-REQ   ::= [APPLICATION 10] KDC-REQ
/// TGS-REQ  ::= [APPLICATION 12] KDC-REQ
/// KDC-REQ  ::= SEQUENCE {
///     pvno      [1] INTEGER (5),
///     msg-type  [2] INTEGER (10 -- AS -- | 12 -- TGS --),
///     padata    [3] SEQUENCE OF PA-DATA OPTIONAL,
///     req-body  [4] KDC-REQ-BODY
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcReq<'a> {
    /// AS-REQ or TGS-REQ.
    pub exchange: KdcExchange,
    /// Proofs, and whatever else does not fit the body.
    pub padata: Vec<PaData<'a>>,
    /// What is asked for, beside its bytes, which proofs cover.
    pub req_body: Encoded<'a, KdcReqBody<'a>>,
}

impl<'a> Asn1<'a> for KdcReq<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let exchange = KdcExchange::of_next(reader, KdcExchange::request);
        read_application(reader, exchange.request(), |fields| {
            fields.constant(1, 5, "pvno must be 5")?;
            fields.constant(2, i32::from(exchange.request()), "msg-type and tag do not match")?;
            Ok(KdcReq { exchange, padata: fields.optional(3)?, req_body: fields.field(4)? })
        })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        write_application(writer, self.exchange.request(), |fields| {
            fields.field::<i32>(1, &5);
            fields.field(2, &i32::from(self.exchange.request()));
            fields.optional(3, &self.padata);
            fields.field(4, &self.req_body);
        });
    }
}
der_methods!(KdcReq<'a>, "KDC-REQ");

/// What is asked of the KDC (RFC 4120 5.4.1).
///
/// ```text
/// KDC-REQ-BODY  ::= SEQUENCE {
///     kdc-options             [0] KDCOptions,
///     cname                   [1] PrincipalName OPTIONAL, -- AS-REQ only
///     realm                   [2] Realm, -- the server's; in an AS-REQ the client's too
///     sname                   [3] PrincipalName OPTIONAL,
///     from                    [4] KerberosTime OPTIONAL,
///     till                    [5] KerberosTime,
///     rtime                   [6] KerberosTime OPTIONAL,
///     nonce                   [7] UInt32,
///     etype                   [8] SEQUENCE OF Int32,
///     addresses               [9] HostAddresses OPTIONAL,
///     enc-authorization-data  [10] EncryptedData OPTIONAL, -- AuthorizationData
///     additional-tickets      [11] SEQUENCE OF Ticket OPTIONAL
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcReqBody<'a> {
    /// Options of the request and wishes for the ticket.
    pub kdc_options: KdcOptions,
    /// The client's name, in an AS-REQ.
    pub cname: Option<PrincipalName<'a>>,
    /// The server's realm, in an AS-REQ the client's too.
    pub realm: &'a str,
    /// The server's name.
    pub sname: Option<PrincipalName<'a>>,
    /// From when the ticket shall be valid, if postdated.
    pub from: Option<KerberosTime>,
    /// Until when the ticket shall be valid; [`KerberosTime::EPOCH`] for as long as possible.
    pub till: KerberosTime,
    /// Until when it shall be renewable.
    pub rtime: Option<KerberosTime>,
    /// A random number that the reply repeats.
    pub nonce: u32,
    /// The enctypes that the client takes, in order of preference.
    pub etype: Vec<Enctype>,
    /// The addresses that the ticket shall be bound to; empty for none.
    pub addresses: Vec<HostAddress<'a>>,
    /// [`AuthorizationData`](super::AuthorizationData) to be added, under the subkey or session key.
    pub enc_authorization_data: Option<EncryptedData<'a>>,
    /// Tickets of other parties: user-to-user, constrained delegation.
    pub additional_tickets: Vec<Encoded<'a, Ticket<'a>>>,
}

sequence! {
    KdcReqBody<'a>,
    fields {
        field 0 kdc_options,
        optional 1 cname,
        field 2 realm,
        optional 3 sname,
        optional 4 from,
        field 5 till,
        optional 6 rtime,
        field 7 nonce,
        field 8 etype,
        optional 9 addresses,
        optional 10 enc_authorization_data,
        optional 11 additional_tickets,
    }
}
der_methods!(KdcReqBody<'a>, "KDC-REQ-BODY");
encoded_methods!(KdcReqBody<'a>, "KDC-REQ-BODY");

impl Listed for Enctype {
    const LIMIT: usize = ETYPE_LIMIT;
}

kerberos_flags! {
    /// The options of a request to the KDC (RFC 4120 5.4.1), as 32 bits: bit 0 is the most significant.
    ///
    /// ```text
    /// KDCOptions  ::= KerberosFlags
    /// ```
    KdcOptions {
        /// The ticket shall be forwardable.
        FORWARDABLE = 1;
        /// A forwarded ticket is asked for.
        FORWARDED = 2;
        /// The ticket shall be proxiable.
        PROXIABLE = 3;
        /// A proxy ticket is asked for.
        PROXY = 4;
        /// Postdated tickets shall be issued from the ticket.
        ALLOW_POSTDATE = 5;
        /// A postdated ticket is asked for.
        POSTDATED = 6;
        /// The ticket shall be renewable until `rtime`.
        RENEWABLE = 8;
        /// Pre-authenticated by hardware.
        OPT_HARDWARE_AUTH = 11;
        /// Constrained delegation: the client is named by an additional ticket (MS-SFU 2.2.3).
        CNAME_IN_ADDL_TKT = 14;
        /// The KDC may change names, and refer to another realm (RFC 6806 3).
        CANONICALIZE = 15;
        /// An anonymous ticket is asked for (RFC 8062 3).
        ANONYMOUS = 16;
        /// The KDC shall not check the transited realms.
        DISABLE_TRANSITED_CHECK = 26;
        /// A renewable ticket will do where the life asked for is too long.
        RENEWABLE_OK = 27;
        /// The ticket shall be encrypted with the session key of an additional ticket (user-to-user).
        ENC_TKT_IN_SKEY = 28;
        /// The ticket presented shall be renewed.
        RENEW = 30;
        /// The postdated ticket presented shall be validated.
        VALIDATE = 31;
    }
}
