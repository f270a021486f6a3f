use core::fmt;

/// A mechanism's object identifier, as the bytes of its DER encoding without tag and length.
///
/// ```
/// use handfast::mech::MechanismId;
/// assert_eq!(MechanismId::KERBEROS.to_string(), "1.2.840.113554.1.2.2");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias("gss_OID", "gss_mech_krb5", "PackageName"))]
pub struct MechanismId(&'static [u8]);

impl MechanismId {
    /// Kerberos V5 (RFC 4121 1): 1.2.840.113554.1.2.2.
    pub const KERBEROS: MechanismId = MechanismId(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02]);

    /// Kerberos V5 under the wrong number that old Windows gave it, and new Windows still offers (RFC 4178 C):
    /// 1.2.840.48018.1.2.2. Inside Negotiate it is Kerberos by another name; no context has it.
    pub const MS_KERBEROS: MechanismId = MechanismId(&[0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02]);

    /// Kerberos V5 with a server that has no key but a login of its own (draft-swift-win2k-krb-user2user 4):
    /// 1.2.840.113554.1.2.2.3.
    #[doc(alias = "user2user")]
    pub const KERBEROS_USER_TO_USER: MechanismId =
        MechanismId(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x03]);

    /// IAKERB, Kerberos V5 whose KDC is asked through the acceptor (draft-ietf-kitten-iakerb-03 3): 1.3.6.1.5.2.5.
    #[doc(alias("gss_mech_iakerb", "IAKerb"))]
    pub const IAKERB: MechanismId = MechanismId(&[0x2b, 0x06, 0x01, 0x05, 0x02, 0x05]);

    /// NTLM (MS-NLMP, the identifier of MS-SPNG 1.9): 1.3.6.1.4.1.311.2.2.10.
    pub const NTLM: MechanismId = MechanismId(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a]);

    /// Negotiate (RFC 4178 4.2): 1.3.6.1.5.5.2. Contexts have the mechanism that was negotiated, not this.
    #[doc(alias("gss_mech_spnego", "Negotiate"))]
    pub const SPNEGO: MechanismId = MechanismId(&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x02]);

    /// A mechanism of these bytes.
    pub const fn from_der_contents(bytes: &'static [u8]) -> Self {
        MechanismId(bytes)
    }

    /// The bytes of the DER encoding, without tag and length.
    pub const fn der_contents(self) -> &'static [u8] {
        self.0
    }
}

/// An object identifier's arcs with dots between.
pub(crate) fn write_dotted(contents: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut arc = 0_u128;
    let mut first = true;
    for byte in contents {
        arc = (arc << 7) | u128::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if first {
            let top = (arc / 40).min(2);
            write!(f, "{top}.{}", arc - top * 40)?;
        } else {
            write!(f, ".{arc}")?;
        }
        (first, arc) = (false, 0);
    }
    Ok(())
}

impl fmt::Display for MechanismId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_dotted(self.0, f)
    }
}

impl fmt::Debug for MechanismId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MechanismId({self})")
    }
}
