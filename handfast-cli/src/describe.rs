//! A security context in words and in JSON.

use crate::{mechanism, span};
use handfast::Context;
use handfast::mech::{MechanismId, Why};
use serde_json::{Value, json};

/// Its mechanism, enctype, flags and lifetime, on a line.
pub(crate) fn line(context: &Context) -> String {
    let enctype = context.enctype().map(|enctype| format!(" with {enctype}")).unwrap_or_default();
    let until = context.expires().map(|time| format!("; until {} UTC", span::moment(time))).unwrap_or_default();
    let why = if *context.why() == Why::Raw { String::new() } else { format!(", {}", context.why()) };
    format!("{}{enctype}{why}; {}{until}", name(context), context.flags())
}

/// The same for programs. The session key is not of it.
pub(crate) fn object(context: &Context) -> Value {
    json!({
        "peer": context.peer().to_string(),
        "local": context.local().to_string(),
        "mechanism": mechanism::word(context),
        "why": context.why().to_string(),
        "enctype": context.enctype().map(|enctype| enctype.to_string()),
        "flags": context.flags().names().collect::<Vec<_>>(),
        "expires": context.expires().map(|time| time.to_string()),
    })
}

fn name(context: &Context) -> String {
    match context.mechanism() {
        MechanismId::KERBEROS => "Kerberos V5".to_owned(),
        MechanismId::KERBEROS_USER_TO_USER => "Kerberos V5, user to user".to_owned(),
        MechanismId::IAKERB => "Kerberos V5 through the server (IAKERB)".to_owned(),
        MechanismId::NTLM => "NTLM".to_owned(),
        other => other.to_string(),
    }
}
