//! The messages of RFC 4120, field by field, with what stands inside: pre-authentication, tickets, authorization data.

use super::Decoder;
use super::asn1::Type::{Boolean, Flags, Integer, Key, List, Named, Octets, Sequence, Tagged, Text, Then, Time};
use super::asn1::{Field, Type};
use super::names;
use super::span::{Broken, Span};
use super::tree::Node;
use handfast::krb5::message as library;
use handfast::wire::DecodeError;

mod inside;

use inside::{
    armor, authorization, error_data, fold_address, fold_name, gss_checksum, hide_plaintext, hide_user_data, keep_key,
    open_ap_rep, open_authenticator, open_authorization, open_cred, open_priv, open_reply, open_ticket,
    pre_authentication,
};

static ENCTYPE: Type = Named(names::enctype);
static ENCTYPES: Type = List("enctype", &ENCTYPE);
static UINT32: Type = Named(names::uint32);
static PVNO: Type = Integer;
static MSG_TYPE: Type = Named(names::msg_type);

static PRINCIPAL_NAME: Type = Then(
    &Sequence(&[Field(0, "name_type", &Named(names::name_type)), Field(1, "name_string", &List("component", &Text))]),
    fold_name,
);
static HOST_ADDRESS: Type =
    Then(&Sequence(&[Field(0, "addr_type", &Named(names::address_type)), Field(1, "address", &Octets)]), fold_address);
static HOST_ADDRESSES: Type = List("host_address", &HOST_ADDRESS);
static ENCRYPTION_KEY: Type = Then(&Sequence(&[Field(0, "keytype", &ENCTYPE), Field(1, "keyvalue", &Key)]), keep_key);
static CHECKSUM: Type = Sequence(&[Field(0, "cksumtype", &Named(names::checksum_type)), Field(1, "checksum", &Octets)]);
/// Etype 0 encrypts nothing: what it holds is shown as what it is, or not at all.
static ENCRYPTED_DATA: Type = Then(
    &Sequence(&[Field(0, "etype", &ENCTYPE), Field(1, "kvno", &UINT32), Field(2, "cipher", &Octets)]),
    hide_plaintext,
);
static AUTHORIZATION_DATA: Type = List(
    "element",
    &Then(&Sequence(&[Field(0, "ad_type", &Named(names::ad_type)), Field(1, "ad_data", &Octets)]), authorization),
);
static PA_DATA: Type = Then(
    &Sequence(&[Field(1, "padata_type", &Named(names::padata_type)), Field(2, "padata_value", &Octets)]),
    pre_authentication,
);
static METHOD_DATA: Type = List("pa_data", &PA_DATA);
static ETYPE_INFO2: Type =
    List("entry", &Sequence(&[Field(0, "etype", &ENCTYPE), Field(1, "salt", &Text), Field(2, "s2kparams", &Octets)]));
static ETYPE_INFO: Type = List("entry", &Sequence(&[Field(0, "etype", &ENCTYPE), Field(1, "salt", &Octets)]));
static TYPED_DATA: Type =
    List("typed_data", &Sequence(&[Field(0, "data_type", &Integer), Field(1, "data_value", &Octets)]));

// RFC 4120 5.3
static TICKET: Type = Tagged(
    0x61,
    &Then(
        &Sequence(&[
            Field(0, "tkt_vno", &Integer),
            Field(1, "realm", &Text),
            Field(2, "sname", &PRINCIPAL_NAME),
            Field(3, "enc_part", &ENCRYPTED_DATA),
        ]),
        open_ticket,
    ),
);
static ENC_TICKET_PART: Type = Tagged(
    0x63,
    &Sequence(&[
        Field(0, "flags", &Flags(names::ticket_flags)),
        Field(1, "key", &ENCRYPTION_KEY),
        Field(2, "crealm", &Text),
        Field(3, "cname", &PRINCIPAL_NAME),
        Field(
            4,
            "transited",
            &Sequence(&[Field(0, "tr_type", &Named(names::transited_type)), Field(1, "contents", &Octets)]),
        ),
        Field(5, "authtime", &Time),
        Field(6, "starttime", &Time),
        Field(7, "endtime", &Time),
        Field(8, "renew_till", &Time),
        Field(9, "caddr", &HOST_ADDRESSES),
        Field(10, "authorization_data", &AUTHORIZATION_DATA),
    ]),
);

// RFC 4120 5.4.1
static KDC_REQ: Type = Sequence(&[
    Field(1, "pvno", &PVNO),
    Field(2, "msg_type", &MSG_TYPE),
    Field(3, "padata", &METHOD_DATA),
    Field(4, "req_body", &KDC_REQ_BODY),
]);
static KDC_REQ_BODY: Type = Then(
    &Sequence(&[
        Field(0, "kdc_options", &Flags(names::kdc_options)),
        Field(1, "cname", &PRINCIPAL_NAME),
        Field(2, "realm", &Text),
        Field(3, "sname", &PRINCIPAL_NAME),
        Field(4, "from", &Time),
        Field(5, "till", &Time),
        Field(6, "rtime", &Time),
        Field(7, "nonce", &UINT32),
        Field(8, "etype", &ENCTYPES),
        Field(9, "addresses", &HOST_ADDRESSES),
        Field(10, "enc_authorization_data", &ENCRYPTED_DATA),
        Field(11, "additional_tickets", &List("ticket", &TICKET)),
    ]),
    open_authorization,
);
static AS_REQ: Type = Tagged(0x6a, &KDC_REQ);
static TGS_REQ: Type = Tagged(0x6c, &KDC_REQ);

// RFC 4120 5.4.2
static KDC_REP: Type = Then(
    &Sequence(&[
        Field(0, "pvno", &PVNO),
        Field(1, "msg_type", &MSG_TYPE),
        Field(2, "padata", &METHOD_DATA),
        Field(3, "crealm", &Text),
        Field(4, "cname", &PRINCIPAL_NAME),
        Field(5, "ticket", &TICKET),
        Field(6, "enc_part", &ENCRYPTED_DATA),
    ]),
    open_reply,
);
static AS_REP: Type = Tagged(0x6b, &KDC_REP);
static TGS_REP: Type = Tagged(0x6d, &KDC_REP);
static ENC_KDC_REP_PART: Type = Sequence(&[
    Field(0, "key", &ENCRYPTION_KEY),
    Field(
        1,
        "last_req",
        &List("entry", &Sequence(&[Field(0, "lr_type", &Named(names::lr_type)), Field(1, "lr_value", &Time)])),
    ),
    Field(2, "nonce", &UINT32),
    Field(3, "key_expiration", &Time),
    Field(4, "flags", &Flags(names::ticket_flags)),
    Field(5, "authtime", &Time),
    Field(6, "starttime", &Time),
    Field(7, "endtime", &Time),
    Field(8, "renew_till", &Time),
    Field(9, "srealm", &Text),
    Field(10, "sname", &PRINCIPAL_NAME),
    Field(11, "caddr", &HOST_ADDRESSES),
    Field(12, "encrypted_pa_data", &METHOD_DATA),
]);
/// MIT's KDC tags the part of an AS-REP as that of a TGS-REP, which RFC 4120 5.4.2 lets it.
static ENC_REPLY: Type = Type::TaggedEither([0x79, 0x7a], &ENC_KDC_REP_PART);
static ENC_AS_REP_PART: Type = Tagged(0x79, &ENC_KDC_REP_PART);
static ENC_TGS_REP_PART: Type = Tagged(0x7a, &ENC_KDC_REP_PART);

// RFC 4120 5.5
static AP_REQ: Type = Tagged(
    0x6e,
    &Then(
        &Sequence(&[
            Field(0, "pvno", &PVNO),
            Field(1, "msg_type", &MSG_TYPE),
            Field(2, "ap_options", &Flags(names::ap_options)),
            Field(3, "ticket", &TICKET),
            Field(4, "authenticator", &ENCRYPTED_DATA),
        ]),
        open_authenticator,
    ),
);
static AUTHENTICATOR: Type = Tagged(
    0x62,
    &Then(
        &Sequence(&[
            Field(0, "authenticator_vno", &Integer),
            Field(1, "crealm", &Text),
            Field(2, "cname", &PRINCIPAL_NAME),
            Field(3, "cksum", &CHECKSUM),
            Field(4, "cusec", &Integer),
            Field(5, "ctime", &Time),
            Field(6, "subkey", &ENCRYPTION_KEY),
            Field(7, "seq_number", &UINT32),
            Field(8, "authorization_data", &AUTHORIZATION_DATA),
        ]),
        gss_checksum,
    ),
);
static AP_REP: Type = Tagged(
    0x6f,
    &Then(
        &Sequence(&[Field(0, "pvno", &PVNO), Field(1, "msg_type", &MSG_TYPE), Field(2, "enc_part", &ENCRYPTED_DATA)]),
        open_ap_rep,
    ),
);
static ENC_AP_REP_PART: Type = Tagged(
    0x7b,
    &Sequence(&[
        Field(0, "ctime", &Time),
        Field(1, "cusec", &Integer),
        Field(2, "subkey", &ENCRYPTION_KEY),
        Field(3, "seq_number", &UINT32),
    ]),
);

// RFC 4120 5.6 and 5.7
static SAFE_PRIV_BODY: Type = Sequence(&[
    Field(0, "user_data", &Octets),
    Field(1, "timestamp", &Time),
    Field(2, "usec", &Integer),
    Field(3, "seq_number", &UINT32),
    Field(4, "s_address", &HOST_ADDRESS),
    Field(5, "r_address", &HOST_ADDRESS),
]);
static KRB_SAFE: Type = Tagged(
    0x74,
    &Sequence(&[
        Field(0, "pvno", &PVNO),
        Field(1, "msg_type", &MSG_TYPE),
        Field(2, "safe_body", &SAFE_PRIV_BODY),
        Field(3, "cksum", &CHECKSUM),
    ]),
);
static KRB_PRIV: Type = Tagged(
    0x75,
    &Then(
        &Sequence(&[Field(0, "pvno", &PVNO), Field(1, "msg_type", &MSG_TYPE), Field(3, "enc_part", &ENCRYPTED_DATA)]),
        open_priv,
    ),
);
/// Its data is a password where the message is one of RFC 3244.
static ENC_KRB_PRIV_PART: Type = Tagged(0x7c, &Then(&SAFE_PRIV_BODY, hide_user_data));

// RFC 4120 5.8
static KRB_CRED: Type = Tagged(
    0x76,
    &Then(
        &Sequence(&[
            Field(0, "pvno", &PVNO),
            Field(1, "msg_type", &MSG_TYPE),
            Field(2, "tickets", &List("ticket", &TICKET)),
            Field(3, "enc_part", &ENCRYPTED_DATA),
        ]),
        open_cred,
    ),
);
static ENC_KRB_CRED_PART: Type = Tagged(
    0x7d,
    &Sequence(&[
        Field(0, "ticket_info", &List("krb_cred_info", &KRB_CRED_INFO)),
        Field(1, "nonce", &UINT32),
        Field(2, "timestamp", &Time),
        Field(3, "usec", &Integer),
        Field(4, "s_address", &HOST_ADDRESS),
        Field(5, "r_address", &HOST_ADDRESS),
    ]),
);
static KRB_CRED_INFO: Type = Sequence(&[
    Field(0, "key", &ENCRYPTION_KEY),
    Field(1, "prealm", &Text),
    Field(2, "pname", &PRINCIPAL_NAME),
    Field(3, "flags", &Flags(names::ticket_flags)),
    Field(4, "authtime", &Time),
    Field(5, "starttime", &Time),
    Field(6, "endtime", &Time),
    Field(7, "renew_till", &Time),
    Field(8, "srealm", &Text),
    Field(9, "sname", &PRINCIPAL_NAME),
    Field(10, "caddr", &HOST_ADDRESSES),
]);

// RFC 4120 5.9.1
static KRB_ERROR: Type = Tagged(
    0x7e,
    &Then(
        &Sequence(&[
            Field(0, "pvno", &PVNO),
            Field(1, "msg_type", &MSG_TYPE),
            Field(2, "ctime", &Time),
            Field(3, "cusec", &Integer),
            Field(4, "stime", &Time),
            Field(5, "susec", &Integer),
            Field(6, "error_code", &Named(names::error_code)),
            Field(7, "crealm", &Text),
            Field(8, "cname", &PRINCIPAL_NAME),
            Field(9, "realm", &Text),
            Field(10, "sname", &PRINCIPAL_NAME),
            Field(11, "e_text", &Text),
            Field(12, "e_data", &Octets),
        ]),
        error_data,
    ),
);

// RFC 4120 5.2.7.2, MS-KILE 2.2.3, MS-SFU 2.2.1, RFC 6113 5.4
static PA_ENC_TS_ENC: Type = Sequence(&[Field(0, "patimestamp", &Time), Field(1, "pausec", &Integer)]);
static PA_PAC_REQUEST: Type = Sequence(&[Field(0, "include_pac", &Boolean)]);
static PA_FOR_USER: Type = Sequence(&[
    Field(0, "user_name", &PRINCIPAL_NAME),
    Field(1, "user_realm", &Text),
    Field(2, "cksum", &CHECKSUM),
    Field(3, "auth_package", &Text),
]);
static FX_FAST_REQUEST: Type = Tagged(
    0xa0,
    &Sequence(&[
        Field(
            0,
            "armor",
            &Then(&Sequence(&[Field(0, "armor_type", &Integer), Field(1, "armor_value", &Octets)]), armor),
        ),
        Field(1, "req_checksum", &CHECKSUM),
        Field(2, "enc_fast_req", &ENCRYPTED_DATA),
    ]),
);
static FX_FAST_REPLY: Type = Tagged(0xa0, &Sequence(&[Field(0, "enc_fast_rep", &ENCRYPTED_DATA)]));

/// A message that can stand alone: its tag, name and type, and the library's reader of it.
struct Message {
    tag: u8,
    name: &'static str,
    field: &'static str,
    ty: &'static Type,
    library: fn(&[u8]) -> Result<(), DecodeError>,
    /// It is what is encrypted elsewhere.
    inner: bool,
}

macro_rules! messages {
    ($($tag:literal $name:literal $field:literal $ty:ident $library:ident $inner:literal;)*) => {
        static MESSAGES: &[Message] = &[$(Message {
            tag: $tag,
            name: $name,
            field: $field,
            ty: &$ty,
            library: |bytes| library::$library::decode(bytes).map(drop),
            inner: $inner,
        }),*];
    };
}

messages! {
    0x6a "AS-REQ" "as_req" AS_REQ KdcReq false;
    0x6b "AS-REP" "as_rep" AS_REP KdcRep false;
    0x6c "TGS-REQ" "tgs_req" TGS_REQ KdcReq false;
    0x6d "TGS-REP" "tgs_rep" TGS_REP KdcRep false;
    0x6e "AP-REQ" "ap_req" AP_REQ ApReq false;
    0x6f "AP-REP" "ap_rep" AP_REP ApRep false;
    0x74 "KRB-SAFE" "krb_safe" KRB_SAFE KrbSafe false;
    0x75 "KRB-PRIV" "krb_priv" KRB_PRIV KrbPriv false;
    0x76 "KRB-CRED" "krb_cred" KRB_CRED KrbCred false;
    0x7e "KRB-ERROR" "krb_error" KRB_ERROR KrbError false;
    0x61 "Ticket" "ticket" TICKET Ticket false;
    0x62 "Authenticator" "authenticator" AUTHENTICATOR Authenticator true;
    0x63 "EncTicketPart" "enc_ticket_part" ENC_TICKET_PART EncTicketPart true;
    0x79 "EncASRepPart" "enc_as_rep_part" ENC_AS_REP_PART EncKdcRepPart true;
    0x7a "EncTGSRepPart" "enc_tgs_rep_part" ENC_TGS_REP_PART EncKdcRepPart true;
    0x7b "EncAPRepPart" "enc_ap_rep_part" ENC_AP_REP_PART EncApRepPart true;
    0x7c "EncKrbPrivPart" "enc_krb_priv_part" ENC_KRB_PRIV_PART EncKrbPrivPart true;
    0x7d "EncKrbCredPart" "enc_krb_cred_part" ENC_KRB_CRED_PART EncKrbCredPart true;
}

/// Whether bytes begin as a Kerberos message does: one of the tags, and a SEQUENCE in it.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let known = bytes.first().is_some_and(|tag| MESSAGES.iter().any(|message| message.tag == *tag));
    let inner = match bytes.get(1) {
        Some(..=0x7f) => 2,
        Some(length @ 0x81..=0x84) => 2 + usize::from(length & 0x7f),
        _ => return false,
    };
    known && bytes.get(inner).is_none_or(|tag| *tag == 0x30)
}

impl Decoder {
    /// A whole Kerberos message, and the library's verdict on it.
    pub(super) fn kerberos(&mut self, span: Span<'_>) -> (Node, Result<(), Broken>) {
        let Some(message) = MESSAGES.iter().find(|message| Some(&message.tag) == span.rest.first()) else {
            let found = span.rest.first().map_or("nothing".to_owned(), |tag| format!("tag 0x{tag:02x}"));
            return (Node::new("kerberos"), Err(span.broken(format!("no Kerberos message begins with {found}"))));
        };
        let mut node = Node::new(message.field).meaning(message.name);
        self.decrypted += usize::from(message.inner);
        let read = self.read_all(&mut node, message.ty, span);
        self.decrypted -= usize::from(message.inner);
        node.means = message.name.to_owned();
        let verdict = || (message.library)(span.rest).map_err(|error| Broken::library(&error, span.offset));
        let read = read.and_then(|()| verdict());
        (node, read)
    }
}

static AD_KDC_ISSUED: Type = Sequence(&[
    Field(0, "ad_checksum", &CHECKSUM),
    Field(1, "i_realm", &Text),
    Field(2, "i_sname", &PRINCIPAL_NAME),
    Field(3, "elements", &AUTHORIZATION_DATA),
]);

// RFC 7751 2 and RFC 8129 3
static AD_CAMMAC: Type = Sequence(&[
    Field(0, "elements", &AUTHORIZATION_DATA),
    Field(1, "kdc_verifier", &VERIFIER_MAC),
    Field(2, "svc_verifier", &VERIFIER_MAC),
    Field(3, "other_verifiers", &List("verifier", &Type::Any)),
]);
static VERIFIER_MAC: Type = Sequence(&[
    Field(0, "identifier", &PRINCIPAL_NAME),
    Field(1, "kvno", &UINT32),
    Field(2, "enctype", &ENCTYPE),
    Field(3, "mac", &CHECKSUM),
]);
static INDICATORS: Type = List("indicator", &Text);

impl Decoder {
    /// A KRB-CRED within another structure.
    pub(super) fn delegated(&mut self, node: &mut Node, span: Span<'_>) -> Result<(), Broken> {
        self.read_all(node, &KRB_CRED, span)
    }
}
