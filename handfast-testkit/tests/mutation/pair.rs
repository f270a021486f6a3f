//! What two contexts have in common, whatever the randomness.

use handfast_testkit::Ends;
use handfast_testkit::handfast::{Context, Flags};

/// What is the same in both contexts and in every run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) initiator: String,
    pub(crate) acceptor: String,
}

impl Pair {
    /// Of ends that both have contexts, which then understand each other.
    pub(crate) fn of(ends: Ends) -> Option<Pair> {
        let (mut initiator, mut acceptor) = ends.contexts().ok()?;
        assert_eq!(initiator.session_key(), acceptor.session_key());
        assert_eq!(initiator.peer(), acceptor.local());
        talk(&mut initiator, &mut acceptor);
        talk(&mut acceptor, &mut initiator);
        Some(Pair { initiator: facts(&initiator), acceptor: facts(&acceptor) })
    }
}

pub(crate) fn facts(context: &Context) -> String {
    let key = context.session_key().expose().len();
    format!("{context:?} {key} octets {:?} {:?}", context.enctype(), context.why())
}

fn talk(from: &mut Context, to: &mut Context) {
    let mut token = Vec::new();
    assert!(from.flags().contains(Flags::CONFIDENTIALITY));
    from.seal(b"attack at dawn", &mut token).unwrap();
    assert_eq!(to.unseal(&mut token).unwrap(), b"attack at dawn");
}
