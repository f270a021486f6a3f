use std::net::IpAddr;

use super::search::is_host;
use crate::kdc::{KdcAddress, Transport};
#[cfg(feature = "kkdcp")]
use crate::kkdcp::is_proxy_url;

/// The KDC that the target of a URI record names, in the form that MIT krb5 reads (draft-mccallum-kitten-krb-service-discovery):
///
/// ```text
/// krb5srv:FLAGS:TRANSPORT:PLACE      TRANSPORT is udp or tcp (then PLACE is host, host:port or [v6]:port), or kkdcp (then a URL)
/// ```
///
/// Of the flags there is `m`, for a primary KDC. `None` if it names none, or one that can't be asked; a KDC proxy is none.
pub(super) fn kdc(target: &str, default_port: u16) -> Option<KdcAddress> {
    let mut fields = target.splitn(4, ':');
    let (scheme, _flags, transport, place) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let transport = match transport {
        _ if !scheme.eq_ignore_ascii_case("krb5srv") => return None,
        name if name.eq_ignore_ascii_case("udp") => Transport::Udp,
        name if name.eq_ignore_ascii_case("tcp") => Transport::Tcp,
        _ => return None,
    };
    // `tcp/` before a host is for krb5.conf only.
    let place = Some(place).filter(|place| !place.contains('/'))?;
    let mut kdc = KdcAddress::parse(place, default_port).ok()?;
    kdc.host.truncate(kdc.host.trim_end_matches('.').len());
    let is_place = is_host(&kdc.host) || kdc.host.parse::<IpAddr>().is_ok();
    is_place.then_some(KdcAddress { transport: Some(transport), ..kdc })
}

/// The URL of the KDC proxy that the target of a URI record names. `None` if it names none, or one that can't be asked, as without the
/// feature `kkdcp` none can.
pub(super) fn proxy(target: &str) -> Option<String> {
    let mut fields = target.splitn(4, ':');
    let (scheme, _flags, transport, url) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let is_proxy = scheme.eq_ignore_ascii_case("krb5srv") && transport.eq_ignore_ascii_case("kkdcp");
    (is_proxy && is_proxy_url(url)).then(|| url.to_owned())
}

#[cfg(not(feature = "kkdcp"))]
fn is_proxy_url(_: &str) -> bool {
    false
}

/// Whether the target of a URI record has the flag `m`: it names a primary KDC.
pub(super) fn is_primary(target: &str) -> bool {
    target.split(':').nth(1).is_some_and(|flags| flags.contains(['m', 'M']))
}

#[cfg(test)]
mod tests {
    #[test]
    fn primary_kdcs_have_a_flag() {
        for (target, primary) in [
            ("krb5srv:m:tcp:kdc.example.com", true),
            ("krb5srv:xM:udp:kdc.example.com", true),
            ("krb5srv::tcp:m.example.com", false),
            ("krb5srv:x:tcp:kdc", false),
            ("m", false),
        ] {
            assert_eq!(super::is_primary(target), primary, "{target}");
        }
    }

    #[test]
    fn targets_name_proxies_by_https() {
        for (target, url) in [
            ("krb5srv::kkdcp:https://proxy.example.com/KdcProxy", Some("https://proxy.example.com/KdcProxy")),
            ("KRB5SRV:m:KKDCP:https://[::1]:8443", Some("https://[::1]:8443")),
            ("krb5srv::kkdcp:http://proxy.example.com/KdcProxy", None),
            ("krb5srv::kkdcp:https://proxy.example.com:0/KdcProxy", None),
            ("krb5srv::kkdcp:https://proxy.example.com/\u{1b}", None),
            ("krb5srv::kkdcp:https://user@proxy.example.com/", None),
            ("krb5srv::kkdcp:proxy.example.com", None),
            ("krb5srv::tcp:https://proxy.example.com/KdcProxy", None),
            ("krb5srvx::kkdcp:https://proxy.example.com/KdcProxy", None),
            ("krb5srv::kkdcp", None),
        ] {
            let url = url.filter(|_| cfg!(feature = "kkdcp"));
            assert_eq!(super::proxy(target).as_deref(), url, "{target:?}");
        }
    }

    #[test]
    fn targets_name_kdcs_and_the_way_to_ask_them() {
        for (target, kdc) in [
            ("krb5srv:m:tcp:kdc.example.com", "tcp/kdc.example.com:88"),
            ("KRB5SRV::UDP:kdc.example.com.:750", "udp/kdc.example.com:750"),
            ("krb5srv:mxyz:udp:192.0.2.1", "udp/192.0.2.1:88"),
            ("krb5srv::tcp:[2001:db8::1]:89", "tcp/[2001:db8::1]:89"),
        ] {
            assert_eq!(super::kdc(target, 88).unwrap().to_string(), kdc, "{target}");
        }
    }

    #[test]
    fn other_targets_name_none() {
        for target in [
            "",
            "krb5srv",
            "krb5srv:m:tcp",
            "krb5srv:m:tcp:",
            "krb5srv::tcp:.",
            "krb5srv::tcp::88",
            "krb5srv::tcp:kdc:0",
            "krb5srv::tcp:kdc:99999",
            "krb5srv::tcp:udp/kdc",
            "krb5srv::tcp:a b",
            "krb5srv::tcp:kdc\u{fffd}",
            "krb5srv::tcp:k\u{1b}dc",
            "krb5srv::kkdcp:https://proxy.example.com/KdcProxy",
            "krb5srv::tls:kdc",
            "krb5srvx::tcp:kdc",
            "https://kdc.example.com",
        ] {
            assert_eq!(super::kdc(target, 88), None, "{target:?}");
        }
    }
}
