//! Every set of flags that our initiators can offer.

use handfast::{Flags, Policy};

/// What a policy can leave out or ask for as well.
const CHOICES: [fn(Policy) -> Policy; 6] = [
    Policy::integrity_only,
    Policy::authentication_only,
    Policy::any_message_order,
    Policy::dangerous_no_replay_detection,
    Policy::dangerous_unproven_acceptor,
    |policy| policy.with_flags(Flags::IDENTIFY | Flags::EXTENDED_ERROR),
];

/// `policy` with each of them.
pub(super) fn flag_sets(policy: &Policy) -> Vec<Policy> {
    let chosen = |set: u32| CHOICES.iter().enumerate().filter(move |(index, _)| set >> index & 1 == 1);
    let policies = 0..1_u32 << CHOICES.len();
    let mut policies: Vec<Policy> =
        policies.map(|set| chosen(set).fold(policy.clone(), |policy, (_, choose)| choose(policy))).collect();
    policies.sort_by_key(|policy| policy.flags().bits());
    policies.dedup_by_key(|policy| policy.flags().bits());
    policies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_different() {
        let sets = flag_sets(&Policy::default());
        // Sealed, signed or neither; in order, in any order, replays too; proven or not; with and without two more.
        assert_eq!(sets.len(), 3 * 3 * 2 * 2);
    }
}
