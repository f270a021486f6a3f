use super::encoded::{Encoded, encoded_methods};
use super::flags::kerberos_flags;
use super::{EncryptedData, HostAddress, KerberosTime, KeyRef, PaData, PrincipalName, Ticket, TicketFlags, int32};
use crate::asn1::{Asn1, DerReader, DerWriter, Listed, der_methods, sequence, tag};
use crate::krb5::enctype::Enctype;
use crate::wire::DecodeError;
use alloc::vec::Vec;

/// The most enctypes that a request is read with.
pub const ETYPE_LIMIT: usize = 64;

/// The most entries that a LastReq is read with.
pub const LAST_REQ_LIMIT: usize = 32;

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
    const fn request(self) -> u8 {
        match self {
            KdcExchange::As => 10,
            KdcExchange::Tgs => 12,
        }
    }

    /// The APPLICATION tag and msg-type of the reply.
    const fn reply(self) -> u8 {
        self.request() + 1
    }

    /// The APPLICATION tag of the reply's encrypted part.
    const fn enc_part(self) -> u8 {
        match self {
            KdcExchange::As => 25,
            KdcExchange::Tgs => 26,
        }
    }

    /// The exchange whose `number` is the tag of the next element; AS if it is neither's, so that the error names
    /// that tag.
    fn of_next(reader: &DerReader<'_>, number: fn(KdcExchange) -> u8) -> Self {
        if reader.peek() == Some(tag::application(number(KdcExchange::Tgs))) {
            KdcExchange::Tgs
        } else {
            KdcExchange::As
        }
    }
}

/// Reads `[APPLICATION number] SEQUENCE`.
fn read_application<'a, T>(
    reader: &mut DerReader<'a>,
    number: u8,
    fields: impl FnOnce(&mut DerReader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    reader.nested(tag::application(number), |inner| inner.nested(tag::SEQUENCE, fields))
}

/// Writes `[APPLICATION number] SEQUENCE`.
fn write_application(writer: &mut DerWriter<'_>, number: u8, fields: impl FnOnce(&mut DerWriter<'_>)) {
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

/// The KDC's reply (RFC 4120 5.4.2).
///
/// ```text
/// AS-REP   ::= [APPLICATION 11] KDC-REP
/// TGS-REP  ::= [APPLICATION 13] KDC-REP
/// KDC-REP  ::= SEQUENCE {
///     pvno      [0] INTEGER (5),
///     msg-type  [1] INTEGER (11 -- AS -- | 13 -- TGS --),
///     padata    [2] SEQUENCE OF PA-DATA OPTIONAL,
///     crealm    [3] Realm,
///     cname     [4] PrincipalName,
///     ticket    [5] Ticket,
///     enc-part  [6] EncryptedData -- EncASRepPart or EncTGSRepPart
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcRep<'a> {
    /// AS-REP or TGS-REP.
    pub exchange: KdcExchange,
    /// What else the KDC says.
    pub padata: Vec<PaData<'a>>,
    /// The client's realm.
    pub crealm: &'a str,
    /// The client's name.
    pub cname: PrincipalName<'a>,
    /// The ticket, beside its bytes, to be passed on.
    pub ticket: Encoded<'a, Ticket<'a>>,
    /// An [`EncKdcRepPart`], under the client's key, a subkey or the session key.
    pub enc_part: EncryptedData<'a>,
}

impl<'a> Asn1<'a> for KdcRep<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let exchange = KdcExchange::of_next(reader, KdcExchange::reply);
        read_application(reader, exchange.reply(), |fields| {
            fields.constant(0, 5, "pvno must be 5")?;
            fields.constant(1, i32::from(exchange.reply()), "msg-type and tag do not match")?;
            Ok(KdcRep {
                exchange,
                padata: fields.optional(2)?,
                crealm: fields.field(3)?,
                cname: fields.field(4)?,
                ticket: fields.field(5)?,
                enc_part: fields.field(6)?,
            })
        })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        write_application(writer, self.exchange.reply(), |fields| {
            fields.field::<i32>(0, &5);
            fields.field(1, &i32::from(self.exchange.reply()));
            fields.optional(2, &self.padata);
            fields.field(3, &self.crealm);
            fields.field(4, &self.cname);
            fields.field(5, &self.ticket);
            fields.field(6, &self.enc_part);
        });
    }
}
der_methods!(KdcRep<'a>, "KDC-REP");

/// The part of a reply that only the client can read (RFC 4120 5.4.2, with the field that RFC 6806 11 adds).
///
/// ```text
/// EncASRepPart   ::= [APPLICATION 25] EncKDCRepPart
/// EncTGSRepPart  ::= [APPLICATION 26] EncKDCRepPart
/// EncKDCRepPart  ::= SEQUENCE {
///     key                [0] EncryptionKey,
///     last-req           [1] LastReq,
///     nonce              [2] UInt32,
///     key-expiration     [3] KerberosTime OPTIONAL,
///     flags              [4] TicketFlags,
///     authtime           [5] KerberosTime,
///     starttime          [6] KerberosTime OPTIONAL,
///     endtime            [7] KerberosTime,
///     renew-till         [8] KerberosTime OPTIONAL,
///     srealm             [9] Realm,
///     sname              [10] PrincipalName,
///     caddr              [11] HostAddresses OPTIONAL,
///     encrypted-pa-data  [12] SEQUENCE OF PA-DATA OPTIONAL
/// }
/// LastReq        ::= SEQUENCE OF SEQUENCE {
///     lr-type   [0] Int32,
///     lr-value  [1] KerberosTime
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncKdcRepPart<'a> {
    /// Which of the two tags it carries. Some KDCs send the TGS's in an AS-REP, which clients have to bear
    /// (RFC 4120 5.4.2): nothing follows from it on receipt.
    pub exchange: KdcExchange,
    /// The session key.
    pub key: KeyRef<'a>,
    /// When the client last asked for tickets, and when its password or account expires.
    pub last_req: Vec<LastReqEntry>,
    /// The request's nonce.
    pub nonce: u32,
    /// When the client's key expires.
    pub key_expiration: Option<KerberosTime>,
    /// The ticket's flags.
    pub flags: TicketFlags,
    /// When the client first authenticated.
    pub authtime: KerberosTime,
    /// From when the ticket is valid; `authtime` if absent.
    pub starttime: Option<KerberosTime>,
    /// Until when it is valid.
    pub endtime: KerberosTime,
    /// Until when it can be renewed at most.
    pub renew_till: Option<KerberosTime>,
    /// The server's realm.
    pub srealm: &'a str,
    /// The server's name.
    pub sname: PrincipalName<'a>,
    /// The addresses that it may be used from; empty for any.
    pub caddr: Vec<HostAddress<'a>>,
    /// Padata that the KDC protects (RFC 6806 11).
    pub encrypted_pa_data: Vec<PaData<'a>>,
}

impl<'a> Asn1<'a> for EncKdcRepPart<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let exchange = KdcExchange::of_next(reader, KdcExchange::enc_part);
        read_application(reader, exchange.enc_part(), |fields| {
            Ok(EncKdcRepPart {
                exchange,
                key: fields.field(0)?,
                last_req: fields.field(1)?,
                nonce: fields.field(2)?,
                key_expiration: fields.optional(3)?,
                flags: fields.field(4)?,
                authtime: fields.field(5)?,
                starttime: fields.optional(6)?,
                endtime: fields.field(7)?,
                renew_till: fields.optional(8)?,
                srealm: fields.field(9)?,
                sname: fields.field(10)?,
                caddr: fields.optional(11)?,
                encrypted_pa_data: fields.optional(12)?,
            })
        })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        write_application(writer, self.exchange.enc_part(), |fields| {
            fields.field(0, &self.key);
            fields.field(1, &self.last_req);
            fields.field(2, &self.nonce);
            fields.optional(3, &self.key_expiration);
            fields.field(4, &self.flags);
            fields.field(5, &self.authtime);
            fields.optional(6, &self.starttime);
            fields.field(7, &self.endtime);
            fields.optional(8, &self.renew_till);
            fields.field(9, &self.srealm);
            fields.field(10, &self.sname);
            fields.optional(11, &self.caddr);
            fields.optional(12, &self.encrypted_pa_data);
        });
    }
}
der_methods!(EncKdcRepPart<'a>, "EncKDCRepPart");

/// One entry of a LastReq (RFC 4120 5.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastReqEntry {
    /// What `lr_value` tells.
    pub lr_type: LrType,
    /// The time told.
    pub lr_value: KerberosTime,
}

sequence! { LastReqEntry, fields { field 0 lr_type, field 1 lr_value } }

impl Listed for LastReqEntry {
    const LIMIT: usize = LAST_REQ_LIMIT;
}

/// What a [`LastReqEntry`] tells (RFC 4120 5.4.2). Negative types tell the same of the answering KDC alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LrType(pub i32);

impl LrType {
    /// Nothing.
    pub const NONE: LrType = LrType(0);
    /// The last initial request for a ticket-granting ticket.
    pub const LAST_TGT_REQUEST: LrType = LrType(1);
    /// The last initial request.
    pub const LAST_INITIAL_REQUEST: LrType = LrType(2);
    /// When the newest ticket-granting ticket used was issued.
    pub const NEWEST_TGT: LrType = LrType(3);
    /// The last renewal.
    pub const LAST_RENEWAL: LrType = LrType(4);
    /// The last request of any kind.
    pub const LAST_REQUEST: LrType = LrType(5);
    /// When the password expires.
    pub const PASSWORD_EXPIRES: LrType = LrType(6);
    /// When the account expires.
    pub const ACCOUNT_EXPIRES: LrType = LrType(7);
}

int32!(LrType);
