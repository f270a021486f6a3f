//! Our libraries with MIT's programs, gss-ntlmssp and pyspnego: our realm serves them, our contexts meet theirs. The verdict is
//! theirs: what they print, log and trace. The `handfast` program has tests of its own, in `program`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(unreachable_pub, reason = "a test binary has no users")]

mod acceptor;
mod by_hand;
mod canonical;
mod dce_style;
mod delegation;
mod des3;
mod expired_password;
mod fast_tgs;
mod iakerb;
mod indicators;
mod initiator;
mod krb5_conf_page;
mod locks;
mod negotiate_acceptor;
mod negotiate_initiator;
mod ntlm;
mod ntlm_acceptor;
mod ntlm_initiator;
mod on_behalf;
mod on_the_way;
mod other_realms;
mod otp;
mod our_fast;
mod our_pkinit;
mod our_realm;
mod ours;
mod pac;
mod pkinit;
mod prf;
mod rc4;
mod realm;
mod refusals;
mod rpc;
mod samba;
mod spake;
mod user_to_user;
mod wrong_secrets;
