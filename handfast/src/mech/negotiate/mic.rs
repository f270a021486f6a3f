//! mechListMIC: each end's proof of the list of mechanisms that it sent or saw (RFC 4178 5).

use super::message::NegTokenResp;
use super::{filled, unexpected};
use crate::error::{Error, Refusal};
use crate::flags::Flags;
use crate::mech::Established;
use alloc::vec::Vec;

/// Makes our MIC of `list`.
pub(super) fn sign(established: &mut Established, list: &[u8]) -> Result<Vec<u8>, Error> {
    let mut mic = Vec::new();
    let seal = &mut established.halves.seal;
    seal.sign(list, &mut mic).map_err(|_| unprotected(established.mechanism))?;
    seal.after_mech_list_mic();
    Ok(mic)
}

/// Checks the peer's MIC of `list`.
pub(super) fn verify(established: &mut Established, list: &[u8], mic: &[u8]) -> Result<(), Error> {
    if !protects(established) {
        return unexpected("a MIC of a mechanism that makes none");
    }
    let unseal = &mut established.halves.unseal;
    unseal.verify(list, mic).map_err(|_| Error::refused(Refusal::MechListMicMismatch))?;
    unseal.after_mech_list_mic();
    Ok(())
}

/// Whether the mechanism can prove anything about the list.
pub(super) fn protects(established: &Established) -> bool {
    established.flags.contains(Flags::INTEGRITY)
}

pub(super) fn unprotected(mechanism: crate::mech::MechanismId) -> Error {
    Error::refused(Refusal::NegotiationUnprotected { mechanism })
}

/// The MIC that came with a token. Old Windows repeats the mechanism's token there, and means nothing by it.
pub(super) fn received<'a>(resp: &NegTokenResp<'a>) -> Option<&'a [u8]> {
    filled(resp.mech_list_mic).filter(|mic| filled(resp.response_token) != Some(*mic))
}
