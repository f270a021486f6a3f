//! What a policy can ask for.

use handfast_testkit::handfast::{Flags, Policy};

/// Every set of flags that a policy can ask for.
pub(crate) fn policies() -> Vec<Policy> {
    let weakenings: [fn(Policy) -> Policy; 6] = [
        Policy::integrity_only,
        Policy::authentication_only,
        Policy::any_message_order,
        Policy::dangerous_no_replay_detection,
        Policy::dangerous_unproven_acceptor,
        |policy| policy.with_flags(Flags::IDENTIFY | Flags::EXTENDED_ERROR),
    ];
    let sets = 0..1_u32 << weakenings.len();
    let chosen = |set: u32| weakenings.iter().enumerate().filter(move |(index, _)| set >> index & 1 == 1);
    let mut policies: Vec<Policy> =
        sets.map(|set| chosen(set).fold(Policy::default(), |policy, (_, weaken)| weaken(policy))).collect();
    policies.sort_by_key(|policy| policy.flags().bits());
    policies.dedup_by_key(|policy| policy.flags().bits());
    policies
}
