//! Which number each field of a principal and of the settings has in the file. A number is never used for anything else again.

use super::record::{self, Field, fields};
use crate::directory::PrincipalEntry;
use crate::settings::Settings;
use handfast::crypto::Secret;
use handfast::wire::{DecodeError, EncodeError, Reader};
use handfast::{NameType, Principal, Time};

const PRINCIPAL: &[Field<PrincipalEntry>] = fields! {
    1 => principal,
    2 => keys,
    3 => requires_preauth,
    4 => disabled,
    5 => is_service,
    6 => allow_forwardable,
    7 => ok_as_delegate,
    8 => expires,
    9 => password_expires,
    10 => max_life,
    11 => max_renewable_life,
    12 => session_enctypes,
    13 => created,
    14 => modified,
    15 => protocol_transition,
    16 => may_delegate_to,
    17 => allowed_to_act,
    18 => account,
    19 => failures,
    20 => last_failure,
    21 => password_changed,
    22 => password_history,
};

const SETTINGS: &[Field<Settings>] = fields! {
    1 => max_life,
    2 => max_renewable_life,
    3 => clock_skew,
    4 => session_enctypes,
    5 => udp_reply_limit,
    6 => preauth,
    7 => capaths,
    8 => domain_realm,
    9 => weak_rc4,
    10 => domain,
    11 => aliases,
    12 => enterprise_suffixes,
    13 => spake_groups,
    14 => spake_challenge,
    15 => min_password_length,
    16 => max_password_age,
    17 => password_administrators,
    18 => max_failures,
    19 => failure_interval,
    20 => lockout,
    21 => trusted_domains,
    22 => postdated,
    23 => min_password_age,
    24 => password_history,
};

/// An entry in which nothing is set, not even its name.
fn unset() -> PrincipalEntry {
    PrincipalEntry::bare(Principal::new(NameType::PRINCIPAL, [""; 0], ""), Time::EPOCH)
}

/// A principal, with its keys in clear.
pub(super) fn encode_entry(entry: &PrincipalEntry) -> Result<Secret, EncodeError> {
    record::write("principal", PRINCIPAL, entry, &unset())
}

/// A principal as [`encode_entry`] wrote it.
pub(super) fn decode_entry(bytes: &[u8]) -> Result<PrincipalEntry, DecodeError> {
    let entry = record::read("principal", PRINCIPAL, bytes, unset())?;
    if entry.principal.components().is_empty() {
        return Err(Reader::new("principal", bytes).invalid("a principal without a name"));
    }
    Ok(entry)
}

/// A realm's settings. Those that are as in [`Settings::default`] are left out: a later version may have better defaults.
pub(super) fn encode_settings(settings: &Settings) -> Result<Secret, EncodeError> {
    record::write("settings", SETTINGS, settings, &Settings::default())
}

/// Settings as [`encode_settings`] wrote them.
pub(super) fn decode_settings(bytes: &[u8]) -> Result<Settings, DecodeError> {
    record::read("settings", SETTINGS, bytes, Settings::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::LongTermKey;
    use crate::pac::{Domain, DomainAccount};
    use handfast::crypto::OsRandom;
    use handfast::krb5::Capaths;
    use handfast::krb5::enctype::Enctype;
    use handfast::krb5::message::{PaDataType, SpakeGroup};
    use handfast::krb5::pac::Rid;
    use std::string::{String, ToString};
    use std::sync::Arc;
    use std::time::Duration;
    use std::{vec, vec::Vec};

    const NOW: Time = Time::from_unix_micros(1_700_000_000_123_456);

    /// Every field is set to something else than in [`unset`].
    fn full() -> PrincipalEntry {
        let name: Principal = "HTTP/web\\/one@R.TEST".parse().unwrap();
        let mut entry = PrincipalEntry::service(name.with_name_type(NameType::SRV_HST), &OsRandom, NOW).unwrap();
        let key = LongTermKey::from_password(7, Enctype(17), b"pw", "salt", Some(5)).unwrap();
        entry.keys.push(Arc::new(key));
        (entry.requires_preauth, entry.disabled, entry.ok_as_delegate) = (false, true, true);
        (entry.is_service, entry.allow_forwardable, entry.protocol_transition) = (true, false, true);
        (entry.expires, entry.password_expires) = (Some(NOW), Some(Time::EPOCH));
        (entry.max_life, entry.max_renewable_life) = (Some(Duration::from_secs(5)), Some(Duration::ZERO));
        entry.session_enctypes = Some(vec![Enctype(18), Enctype(-1)]);
        (entry.may_delegate_to, entry.allowed_to_act) = (vec!["a/b@C".parse().unwrap()], vec!["d@E".parse().unwrap()]);
        entry.account = Some(DomainAccount { rid: Rid(1103), groups: vec![Rid(513), Rid(7)] });
        (entry.failures, entry.last_failure) = (2, Some(NOW));
        (entry.password_changed, entry.password_history) = (Some(NOW), vec![Arc::clone(&entry.keys[0])]);
        entry
    }

    /// Every field is set to something else than the default.
    fn full_settings() -> Settings {
        Settings {
            max_life: Duration::from_secs(1),
            max_renewable_life: Duration::ZERO,
            clock_skew: Duration::from_secs(7),
            session_enctypes: vec![Enctype(17)],
            udp_reply_limit: 7,
            capaths: Capaths::default().with("A", "B", ["C", "D"]).with::<String>("B", "A", []),
            domain_realm: vec![(".b.test".into(), "B".into())],
            aliases: vec![("a@R".parse().unwrap(), "b/c@S".parse().unwrap())],
            enterprise_suffixes: vec![("r.test".into(), "R".into())],
            weak_rc4: true,
            domain: Some(Domain { sid: "S-1-5-21-1-2-3".parse().unwrap(), netbios_name: "R".into() }),
            trusted_domains: vec![("S".into(), "S-1-5-21-4-5-6".parse().unwrap())],
            preauth: vec![PaDataType::ENC_TIMESTAMP],
            spake_groups: vec![SpakeGroup::P521, SpakeGroup(-1)],
            spake_challenge: Some(SpakeGroup::P384),
            postdated: true,
            min_password_length: 3,
            max_password_age: Some(Duration::from_secs(9)),
            password_administrators: vec!["root/admin@R".parse().unwrap()],
            min_password_age: Duration::from_secs(8),
            password_history: 5,
            max_failures: 4,
            failure_interval: Duration::ZERO,
            lockout: Duration::from_secs(11),
        }
    }

    fn shown(entry: &PrincipalEntry) -> String {
        let keys: Vec<_> = entry.keys.iter().map(|key| (key.key().bytes(), key.salt(), key.iterations())).collect();
        std::format!("{entry:?} {keys:?} {:?}", entry.principal.name_type())
    }

    /// The octets of each field, by its number, and all before the first.
    fn parts(bytes: &[u8]) -> (u8, Vec<(u16, Vec<u8>)>) {
        let mut reader = Reader::new("record", bytes);
        let (version, mut parts) = (reader.u8().unwrap(), Vec::new());
        while !reader.is_empty() {
            let (number, length) = (reader.u16_be().unwrap(), reader.u32_be().unwrap());
            parts.push((number, reader.take(length.try_into().unwrap()).unwrap().to_vec()));
        }
        (version, parts)
    }

    fn joined(version: u8, parts: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let part = |(number, value): &(u16, Vec<u8>)| {
            [&number.to_be_bytes()[..], &u32::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
        };
        [vec![version], parts.iter().flat_map(part).collect()].concat()
    }

    #[test]
    fn principals_come_back_and_no_field_is_forgotten() {
        let bare =
            PrincipalEntry { keys: vec![], ..PrincipalEntry::service("a@R".parse().unwrap(), &OsRandom, NOW).unwrap() };
        for entry in [full(), bare] {
            let bytes = encode_entry(&entry).unwrap();
            assert_eq!(shown(&decode_entry(bytes.expose()).unwrap()), shown(&entry));
        }
        let numbers: Vec<_> = parts(encode_entry(&full()).unwrap().expose()).1.into_iter().map(|part| part.0).collect();
        assert_eq!(numbers, PRINCIPAL.iter().map(|field| field.number).collect::<Vec<_>>());
    }

    #[test]
    fn settings_come_back_and_those_that_are_the_default_take_no_room() {
        let bytes = encode_settings(&full_settings()).unwrap();
        assert_eq!(decode_settings(bytes.expose()), Ok(full_settings()));
        let numbers: Vec<_> = parts(bytes.expose()).1.into_iter().map(|part| part.0).collect();
        assert_eq!(numbers, SETTINGS.iter().map(|field| field.number).collect::<Vec<_>>());
        assert_eq!(encode_settings(&Settings::default()).unwrap().expose(), &[2]);
    }

    #[test]
    fn cut_within_a_field_it_is_an_error_and_no_change_makes_it_panic() {
        for bytes in [encode_entry(&full()).unwrap(), encode_settings(&full_settings()).unwrap()] {
            let bytes = bytes.expose();
            let (version, fields) = parts(bytes);
            let whole: Vec<_> = (0..fields.len()).map(|count| joined(version, &fields[..count]).len()).collect();
            for length in (0..bytes.len()).filter(|length| !whole.contains(length)) {
                assert!(decode_entry(&bytes[..length]).is_err() && decode_settings(&bytes[..length]).is_err());
            }
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.to_vec();
                changed[bit / 8] ^= 1 << (bit % 8);
                drop((decode_entry(&changed), decode_settings(&changed)));
            }
        }
    }

    #[test]
    fn what_is_not_a_record_of_ours_is_refused() {
        let (version, fields) = parts(encode_entry(&full()).unwrap().expose());
        let refused = |version, fields: &[_]| decode_entry(&joined(version, fields)).unwrap_err().to_string();
        assert_eq!(refused(3, &fields), "principal: at byte 0: a version that this program does not know");
        let unknown = [&fields[..], &[(999, vec![1])]].concat();
        assert!(refused(version, &unknown).ends_with("a field that this program does not know"));
        let twice = [&fields[..3], &fields[2..]].concat();
        assert!(refused(version, &twice).ends_with("a field that stands behind its place"));
        assert!(refused(version, &fields[1..]).ends_with("a principal without a name"));
        let mut longer = fields.clone();
        longer[2].1.push(0);
        assert!(refused(version, &longer).ends_with("1 bytes left over at the end"));
        longer[2].1 = vec![2];
        assert!(refused(version, &longer).ends_with("yes is 1 and no is 0"));
    }
}
