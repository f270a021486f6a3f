/// The encryption types of AES and Camellia, by the names that MIT's programs read and print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Enctype {
    /// aes128-cts-hmac-sha1-96 (RFC 3962)
    Aes128Sha1,
    /// aes256-cts-hmac-sha1-96 (RFC 3962)
    Aes256Sha1,
    /// aes128-cts-hmac-sha256-128 (RFC 8009)
    Aes128Sha256,
    /// aes256-cts-hmac-sha384-192 (RFC 8009)
    Aes256Sha384,
    /// camellia128-cts-cmac (RFC 6803)
    Camellia128,
    /// camellia256-cts-cmac (RFC 6803)
    Camellia256,
}

impl Enctype {
    /// All of them, in the order of their numbers.
    pub const ALL: [Enctype; 6] = [
        Enctype::Aes128Sha1,
        Enctype::Aes256Sha1,
        Enctype::Aes128Sha256,
        Enctype::Aes256Sha384,
        Enctype::Camellia128,
        Enctype::Camellia256,
    ];

    /// The name that MIT's programs print.
    pub fn name(self) -> &'static str {
        match self {
            Enctype::Aes128Sha1 => "aes128-cts-hmac-sha1-96",
            Enctype::Aes256Sha1 => "aes256-cts-hmac-sha1-96",
            Enctype::Aes128Sha256 => "aes128-cts-hmac-sha256-128",
            Enctype::Aes256Sha384 => "aes256-cts-hmac-sha384-192",
            Enctype::Camellia128 => "camellia128-cts-cmac",
            Enctype::Camellia256 => "camellia256-cts-cmac",
        }
    }

    /// The short name that MIT's library writes in traces.
    pub fn trace_name(self) -> &'static str {
        match self {
            Enctype::Aes128Sha1 => "aes128-cts",
            Enctype::Aes256Sha1 => "aes256-cts",
            Enctype::Aes128Sha256 => "aes128-sha2",
            Enctype::Aes256Sha384 => "aes256-sha2",
            Enctype::Camellia128 => "camellia128-cts",
            Enctype::Camellia256 => "camellia256-cts",
        }
    }

    /// The number on the wire (RFC 3962 7, RFC 8009 8, RFC 6803 9).
    pub fn number(self) -> i32 {
        match self {
            Enctype::Aes128Sha1 => 17,
            Enctype::Aes256Sha1 => 18,
            Enctype::Aes128Sha256 => 19,
            Enctype::Aes256Sha384 => 20,
            Enctype::Camellia128 => 25,
            Enctype::Camellia256 => 26,
        }
    }

    /// The host-based name (`service@host`) of the [`MitRealm`](crate::MitRealm)'s service whose ticket and session
    /// keys are of this encryption type only.
    pub fn service(self) -> String {
        format!("{}@localhost", self.name())
    }

    /// The principal of [`Enctype::service`], without the realm.
    pub fn service_principal(self) -> String {
        format!("{}/localhost", self.name())
    }

    /// A user of the [`MitRealm`](crate::MitRealm) whose only key is of this encryption type.
    pub fn user(self) -> String {
        format!("user-{}", self.name())
    }
}
