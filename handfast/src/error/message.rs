use crate::flags::Flags;
use crate::krb5::enctype::CryptoError;
use crate::window::OrderError;
use crate::wire::DecodeError;
use crate::words::words;

/// Why a message of an established context can't be made or is refused. The context stays as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageError {
    /// The token does not decode.
    Decode(DecodeError),
    /// The message was not made by the peer with this context's key, or was changed on its way.
    NotAuthentic,
    /// The peer's message came back to its sender, or was made for the other direction.
    WrongDirection,
    /// The token was made under another key than the one that this context agreed on.
    WrongKey,
    /// Only signed, where a sealed message is required.
    NotSealed,
    /// The sequence number is refused.
    Order(OrderError),
    /// The context was not made with this flag.
    NotNegotiated(Flags),
    /// The message is longer than a token can hold.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A buffer given for the in-place form has the wrong size.
    BufferSize {
        /// What it must have, in bytes.
        needed: usize,
    },
    /// The in-place form takes no more parts than this.
    TooManyParts {
        /// The limit.
        limit: usize,
    },
    /// All sequence numbers are used up.
    SequenceExhausted,
    /// The halves of this context can't be used apart.
    NotSplittable,
    /// The context's mechanism has no pseudo-random function (RFC 4401): NTLM's is one.
    NoPrf,
    /// Messages of this context can't be protected in place: RC4's have a frame that is as long as their length takes (RFC 4757 7.3),
    /// unless the context is in DCE style.
    NotInPlace,
    /// A key or a cipher can't be used.
    Crypto(CryptoError),
}

impl From<DecodeError> for MessageError {
    fn from(error: DecodeError) -> MessageError {
        MessageError::Decode(error)
    }
}

impl From<CryptoError> for MessageError {
    fn from(error: CryptoError) -> MessageError {
        MessageError::Crypto(error)
    }
}

impl From<OrderError> for MessageError {
    fn from(error: OrderError) -> MessageError {
        MessageError::Order(error)
    }
}

words! { MessageError {
    MessageError::Decode(error) => "the message does not decode: {error}";
    MessageError::NotAuthentic => "the message is not authentic: it was changed on its way";
    MessageError::WrongDirection => "the message was sent in the other direction";
    MessageError::WrongKey => "the message was made under another key than this context's";
    MessageError::NotSealed => "the message is signed only, and must be sealed";
    MessageError::Order(error) => "the message is {error}";
    MessageError::NotNegotiated(flags) => "this context was made without: {flags}";
    MessageError::TooLarge { limit } => "the message is longer than {limit} bytes";
    MessageError::BufferSize { needed } => "a buffer of {needed} bytes is needed";
    MessageError::TooManyParts { limit } => "a message has at most {limit} parts";
    MessageError::SequenceExhausted => "all sequence numbers of this context are used up";
    MessageError::NoPrf => "the context's mechanism has no pseudo-random function";
    MessageError::NotInPlace => "messages of rc4-hmac can be protected in place in DCE style alone";
    MessageError::NotSplittable => "the two directions of this context share their state";
    MessageError::Crypto(error) => "{error}";
} }

impl core::error::Error for MessageError {}
