//! Frames of a handshake, read and written by tasks: the blocking ones of [`crate::framing`] with the same errors.

use ::tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::framing::{FrameError, check_length, gss_sample, nns};

pub(super) async fn read_handshake(io: &mut (impl AsyncRead + Unpin)) -> Result<nns::Handshake, FrameError> {
    let header = nns::Header::decode(read_header(io, nns::HEADER).await?)?;
    header.with_payload(read_body(io, nns::TOKEN, header.length).await?)
}

pub(super) async fn write_handshake(
    io: &mut (impl AsyncWrite + Unpin),
    message: &nns::Handshake,
) -> Result<(), FrameError> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes)?;
    write(io, &bytes).await
}

pub(super) async fn read_token(
    io: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> Result<gss_sample::Token, FrameError> {
    let (flags, length) = gss_sample::decode_header(read_header(io, gss_sample::HEADER).await?)?;
    check_length(gss_sample::TOKEN, length, limit)?;
    Ok(gss_sample::Token::new(flags, read_body(io, gss_sample::TOKEN, length).await?))
}

pub(super) async fn write_token(
    io: &mut (impl AsyncWrite + Unpin),
    token: &gss_sample::Token,
) -> Result<(), FrameError> {
    let mut bytes = Vec::new();
    token.encode(&mut bytes)?;
    write(io, &bytes).await
}

async fn write(io: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), FrameError> {
    io.write_all(bytes).await?;
    Ok(io.flush().await?)
}

/// The stream's end before the first byte is [`FrameError::Ended`].
async fn read_header<const N: usize>(
    io: &mut (impl AsyncRead + Unpin),
    part: &'static str,
) -> Result<[u8; N], FrameError> {
    let mut header = [0; N];
    let mut got = 0;
    while let Some(rest) = header.get_mut(got..).filter(|rest| !rest.is_empty()) {
        match io.read(rest).await? {
            0 if got == 0 => return Err(FrameError::Ended),
            0 => return Err(FrameError::Truncated { part, needed: N, got }),
            count => got += count,
        }
    }
    Ok(header)
}

/// Memory is taken as bytes arrive, not as a length promises them.
async fn read_body(
    io: &mut (impl AsyncRead + Unpin),
    part: &'static str,
    needed: usize,
) -> Result<Vec<u8>, FrameError> {
    let mut body = Vec::new();
    let limit = u64::try_from(needed).unwrap_or(u64::MAX);
    let got = io.take(limit).read_to_end(&mut body).await?;
    if got < needed { Err(FrameError::Truncated { part, needed, got }) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gss_sample::{Flags, Token};
    use nns::{ErrorCode, Handshake};

    #[::tokio::test]
    async fn frames_come_whole_and_cut_ones_are_errors() {
        let mut bytes = Vec::new();
        let message = Handshake::InProgress(vec![0x60; 300]);
        write_handshake(&mut bytes, &message).await.unwrap();
        assert_eq!(read_handshake(&mut &bytes[..]).await.unwrap(), message);
        for length in 0..bytes.len() {
            match read_handshake(&mut &bytes[..length]).await.unwrap_err() {
                FrameError::Ended => assert_eq!(length, 0),
                FrameError::Truncated { needed: 5, got, .. } => assert_eq!((got, length < 5), (length, true)),
                FrameError::Truncated { needed: 300, got, .. } => assert_eq!(got + 5, length),
                other => panic!("{other}"),
            }
        }
        let error = read_handshake(&mut &b"\x15\x01\0\0\x08\0\0\0\0\x80\x09\x03\x0c"[..]).await.unwrap();
        assert_eq!(error, Handshake::Error(ErrorCode::LOGON_DENIED));
    }

    #[::tokio::test]
    async fn tokens_come_whole_and_those_over_the_limit_are_not_read() {
        let mut bytes = Vec::new();
        let token = Token::new(Flags::CONTEXT, vec![7; 100]);
        write_token(&mut bytes, &token).await.unwrap();
        assert_eq!(read_token(&mut &bytes[..], 100).await.unwrap(), token);
        let error = read_token(&mut &bytes[..5], 99).await.unwrap_err();
        assert!(matches!(error, FrameError::TooLong { length: 100, limit: 99, .. }), "{error}");
    }
}
