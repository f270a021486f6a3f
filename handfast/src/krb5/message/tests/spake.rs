use super::*;

#[test]
fn messages_of_spake_read_as_they_were_written() {
    let groups = vec![SpakeGroup::EDWARDS25519, SpakeGroup(-1)];
    round_trip!(PaSpake<'_>, PaSpake::Support(SpakeSupport { groups }));
    let factors =
        vec![SpakeSecondFactor::NONE, SpakeSecondFactor { factor_type: SpakeFactorType(2), data: Some(b"x") }];
    let group = SpakeGroup::P256;
    round_trip!(PaSpake<'_>, PaSpake::Challenge(SpakeChallenge { group, pubkey: b"T", factors }));
    round_trip!(PaSpake<'_>, PaSpake::Response(SpakeResponse { pubkey: b"S", factor: encrypted(None) }));
    round_trip!(PaSpake<'_>, PaSpake::Encdata(encrypted(Some(1))));
    round_trip!(SpakeSecondFactor<'_>, SpakeSecondFactor::NONE);
}

#[test]
fn a_fifth_alternative_and_too_many_groups_are_refused() {
    assert!(PaSpake::decode(&[0xa4, 0]).is_err());
    let support = |count| PaSpake::Support(SpakeSupport { groups: vec![SpakeGroup::P521; count] }).to_der();
    assert!(PaSpake::decode(&support(SPAKE_LIMIT)).is_ok());
    assert!(PaSpake::decode(&support(SPAKE_LIMIT + 1)).is_err());
}

#[test]
fn groups_have_names() {
    for group in [SpakeGroup::EDWARDS25519, SpakeGroup::P256, SpakeGroup::P384, SpakeGroup::P521] {
        assert_eq!(group.name().unwrap().to_lowercase().parse(), Ok(group));
    }
    assert_eq!("P-224".parse::<SpakeGroup>(), Err(UnknownSpakeGroup));
}
