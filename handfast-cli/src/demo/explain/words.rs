//! The same things in the same words.

use handfast::Time;
use handfast::krb5::message::{KdcReqBody, PrincipalName, TicketFlags};
use std::fmt::Write;

/// A name with its realm.
pub(super) fn full(name: &PrincipalName<'_>, realm: &str) -> String {
    name.to_principal(realm).to_string()
}

/// A name without its realm.
pub(super) fn short(name: &PrincipalName<'_>) -> String {
    name.to_principal("").without_realm().to_string()
}

/// The enctypes that a request takes.
pub(super) fn enctypes(body: &KdcReqBody<'_>) -> String {
    list(body.etype.iter().map(ToString::to_string))
}

/// `a, b and c`.
pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "none".to_owned(),
    }
}

/// A time of day to the microsecond.
pub(super) fn time_of_day(time: Time) -> String {
    let (_, _, _, hour, minute, second) = time.civil();
    format!("{hour:02}:{minute:02}:{second:02}.{:06}", time.subsec_micros())
}

/// Day and time to the minute.
pub(in crate::demo) fn day_and_time(time: Time) -> String {
    let (year, month, day, hour, minute, _) = time.civil();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// The flags of a ticket that a reader may want to know.
pub(super) fn ticket_flags(flags: TicketFlags) -> String {
    let named = [
        (TicketFlags::INITIAL, "initial"),
        (TicketFlags::PRE_AUTHENT, "pre-authenticated"),
        (TicketFlags::FORWARDABLE, "forwardable"),
        (TicketFlags::RENEWABLE, "renewable"),
        (TicketFlags::TRANSITED_POLICY_CHECKED, "transit checked"),
        (TicketFlags::OK_AS_DELEGATE, "ok as delegate"),
    ];
    list(named.into_iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| name.to_owned()))
}

/// The first bytes in hexadecimal digits.
pub(super) fn first_bytes(bytes: &[u8], count: usize) -> String {
    let mut text = String::new();
    for (index, byte) in bytes.iter().take(count).enumerate() {
        // Writing to a String does not fail.
        let _ = write!(text, "{}{byte:02x}", if index > 0 { " " } else { "" });
    }
    text
}

/// The string-to-key iterations that parameters ask for (RFC 3962 4).
pub(super) fn iterations(parameters: &[u8]) -> Option<u32> {
    parameters.try_into().ok().map(u32::from_be_bytes)
}
