use super::encoded::Encoded;
use super::kdc::{KdcExchange, read_application, write_application};
use super::{EncryptedData, HostAddress, KerberosTime, KeyRef, PaData, PrincipalName, Ticket, TicketFlags, int32};
use crate::asn1::{Asn1, DerReader, DerWriter, Listed, der_methods, sequence};
use crate::wire::DecodeError;
use alloc::vec::Vec;

/// The most entries that a LastReq is read with.
pub const LAST_REQ_LIMIT: usize = 32;

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
