use core::fmt;

/// What a key is used for: mixed into the key, so that a message made for one purpose is
/// worthless for another (RFC 3961 3, RFC 4120 7.5.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyUsage(pub u32);

macro_rules! usages {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        impl KeyUsage {
            $($(#[$doc])* pub const $name: KeyUsage = KeyUsage($number);)*
        }
    };
}

// RFC 4120 7.5.1
usages! {
    /// PA-ENC-TIMESTAMP, with the client's key (RFC 4120 5.2.7.2).
    AS_REQ_TIMESTAMP = 1;
    /// The encrypted part of a ticket, with the service's key (RFC 4120 5.3).
    TICKET = 2;
    /// The encrypted part of an AS-REP, with the client's key (RFC 4120 5.4.2).
    AS_REP_ENC_PART = 3;
    /// Authorization data of a TGS-REQ, with the session key (RFC 4120 5.4.1).
    TGS_REQ_AUTHORIZATION_DATA_SESSION_KEY = 4;
    /// Authorization data of a TGS-REQ, with the authenticator's subkey (RFC 4120 5.4.1).
    TGS_REQ_AUTHORIZATION_DATA_SUBKEY = 5;
    /// The checksum in a TGS-REQ's authenticator, with the session key (RFC 4120 5.5.1).
    TGS_REQ_AUTHENTICATOR_CHECKSUM = 6;
    /// A TGS-REQ's authenticator, with the session key (RFC 4120 5.5.1).
    TGS_REQ_AUTHENTICATOR = 7;
    /// The encrypted part of a TGS-REP, with the session key (RFC 4120 5.4.2).
    TGS_REP_ENC_PART_SESSION_KEY = 8;
    /// The encrypted part of a TGS-REP, with the authenticator's subkey (RFC 4120 5.4.2).
    TGS_REP_ENC_PART_SUBKEY = 9;
    /// The checksum in an AP-REQ's authenticator, with the session key (RFC 4120 5.5.1).
    AP_REQ_AUTHENTICATOR_CHECKSUM = 10;
    /// An AP-REQ's authenticator, with the session key (RFC 4120 5.5.1).
    AP_REQ_AUTHENTICATOR = 11;
    /// The encrypted part of an AP-REP, with the session key (RFC 4120 5.5.2).
    AP_REP_ENC_PART = 12;
    /// The encrypted part of a KRB-PRIV (RFC 4120 5.7.1).
    KRB_PRIV_ENC_PART = 13;
    /// The encrypted part of a KRB-CRED (RFC 4120 5.8.1).
    KRB_CRED_ENC_PART = 14;
    /// The checksum of a KRB-SAFE (RFC 4120 5.6.1).
    KRB_SAFE_CHECKSUM = 15;
    /// The checksum of AD-KDC-ISSUED (RFC 4120 5.2.6.4).
    AD_KDC_ISSUED_CHECKSUM = 19;
    /// Signatures of a PAC (MS-PAC 2.8, KERB_NON_KERB_CKSUM_SALT), with the key of service or KDC.
    PAC_SIGNATURE = 17;
    /// The KDC's part of the session key, with the reply key of PKINIT (RFC 8062 7).
    PA_PKINIT_KX = 44;
    /// The verifiers of AD-CAMMAC (RFC 7751 4), with the key of service or KDC.
    CAMMAC_VERIFIER = 64;
    /// Encryption in protocols that name no usage of their own.
    APPLICATION_ENCRYPTION = 1024;
    /// Checksums in protocols that name no usage of their own.
    APPLICATION_CHECKSUM = 1025;
}

// RFC 6560 5, RFC 6113 6.2, RFC 6806 11, RFC 9588 11
usages! {
    /// The KDC's nonce beside a one-time password (RFC 6560 4.2).
    OTP_REQUEST = 45;
    /// The checksum that binds a FAST request to the request around it, with the armor key (RFC 6113 5.4.2).
    FAST_REQ_CHECKSUM = 50;
    /// A KrbFastReq, with the armor key (RFC 6113 5.4.2).
    FAST_ENC = 51;
    /// A KrbFastResponse, with the armor key (RFC 6113 5.4.3).
    FAST_REP = 52;
    /// The checksum of a ticket in a KrbFastFinished, with the armor key (RFC 6113 5.4.3).
    FAST_FINISHED = 53;
    /// The client's encrypted challenge (RFC 6113 5.4.6).
    ENC_CHALLENGE_CLIENT = 54;
    /// The KDC's encrypted challenge (RFC 6113 5.4.6).
    ENC_CHALLENGE_KDC = 55;
    /// The checksum with which a KDC says what request it saw, with the reply key (RFC 6806 11).
    AS_REQ_CHECKSUM = 56;
    /// The second factor in SPAKE's messages, with the keys K'\[n\] (RFC 9588 4.3).
    SPAKE = 65;
}

// RFC 4121 2
usages! {
    /// Wrap tokens that the acceptor sends (KG-USAGE-ACCEPTOR-SEAL).
    ACCEPTOR_SEAL = 22;
    /// MIC tokens that the acceptor sends (KG-USAGE-ACCEPTOR-SIGN).
    ACCEPTOR_SIGN = 23;
    /// Wrap tokens that the initiator sends (KG-USAGE-INITIATOR-SEAL).
    INITIATOR_SEAL = 24;
    /// MIC tokens that the initiator sends (KG-USAGE-INITIATOR-SIGN).
    INITIATOR_SIGN = 25;
}

// draft-ietf-kitten-iakerb-03 4
usages! {
    /// The checksum over the tokens of an IAKERB conversation, with the authenticator's subkey (KEY_USAGE_FINISHED).
    FINISHED = 41;
    /// The same, as MIT krb5 to 1.21 has it (KRB5_KEYUSAGE_IAKERB_FINISHED).
    MIT_121_FINISHED = 42;
}

impl fmt::Debug for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyUsage({})", self.0)
    }
}

/// The last octet of the constant that a subkey is derived with (RFC 3961 5.3, RFC 8009 5).
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// Kc: checksums of what is not encrypted.
    Checksum = 0x99,
    /// Ke: encryption.
    Encryption = 0xaa,
    /// Ki: the MAC of what is encrypted.
    Integrity = 0x55,
}

impl KeyUsage {
    /// The usage in four big-endian octets, and the purpose.
    // An enum of octets by its definition above.
    #[allow(clippy::as_conversions)]
    pub(super) fn constant(self, purpose: Purpose) -> [u8; 5] {
        let [a, b, c, d] = self.0.to_be_bytes();
        [a, b, c, d, purpose as u8]
    }
}
