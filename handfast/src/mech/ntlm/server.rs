use super::message::{AvId, AvPairs, FileTime, utf16};
use crate::error::{Error, NtlmRefusal};
use crate::name::ServiceName;
use crate::time::Time;
use alloc::string::String;
use alloc::vec::Vec;

/// The names that an NTLM acceptor has, and the ones that its clients may ask for.
///
/// ```
/// use handfast::NtlmServer;
/// let server = NtlmServer::new("WWW", "EXAMPLE").dns("www.example.com", "example.com")
///     .only_targets(["HTTP/www.example.com".parse()?]);
/// # Ok::<(), handfast::ParseServiceNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NtlmServer {
    computer: String,
    domain: String,
    dns: Option<(String, String)>,
    targets: Option<Vec<ServiceName>>,
}

impl NtlmServer {
    /// A server with these NetBIOS names (MS-NLMP 2.2.2.1: `MsvAvNbComputerName`, `MsvAvNbDomainName`). Each is cut to
    /// 255 characters.
    pub fn new(computer: &str, domain: &str) -> Self {
        NtlmServer { computer: cut(computer), domain: cut(domain), dns: None, targets: None }
    }

    /// The server's names in the DNS as well. Each is cut to 255 characters.
    #[must_use]
    pub fn dns(mut self, computer: &str, domain: &str) -> Self {
        self.dns = Some((cut(computer), cut(domain)));
        self
    }

    /// Takes only clients that ask for one of these services (`MsvAvTargetName`), so that what was meant for another
    /// server is refused here. Service and host are compared without regard to case, and ports where both sides name
    /// one; realms are not compared. A client that says that it does not trust its own name for us is refused.
    ///
    /// Without this and without [channel bindings](crate::Session::channel_bindings), whoever a client talks to can hand
    /// the whole conversation on to this server, and be that client here: even where client and server are of one machine.
    #[must_use]
    pub fn only_targets(mut self, targets: impl IntoIterator<Item = ServiceName>) -> Self {
        self.targets = Some(targets.into_iter().collect());
        self
    }

    /// What the challenge says of the server.
    pub(super) fn target_info(&self, now: Time) -> AvPairs<'static> {
        let mut pairs = AvPairs::default();
        pairs.set(AvId::NB_DOMAIN_NAME, utf16(&self.domain));
        pairs.set(AvId::NB_COMPUTER_NAME, utf16(&self.computer));
        if let Some((computer, domain)) = &self.dns {
            pairs.set(AvId::DNS_DOMAIN_NAME, utf16(domain));
            pairs.set(AvId::DNS_COMPUTER_NAME, utf16(computer));
        }
        pairs.set(AvId::TIMESTAMP, FileTime::of(now).0.to_le_bytes().to_vec());
        pairs
    }

    pub(super) fn computer(&self) -> &str {
        &self.computer
    }

    /// Whether the client means us, as far as that is to be known.
    pub(super) fn check_target(&self, target: Option<&str>) -> Result<(), Error> {
        let Some(targets) = &self.targets else { return Ok(()) };
        let is_ours = |target: &str| targets.iter().any(|ours| names(target, ours));
        match target {
            Some(target) if is_ours(target) => Ok(()),
            target => Err(NtlmRefusal::Target { target: target.unwrap_or_default().into() }.into()),
        }
    }
}

fn cut(name: &str) -> String {
    name.chars().take(255).collect()
}

/// The service principal name that NTLM carries: service, host and what else there is, without a realm.
pub(super) fn spn(service: &ServiceName) -> String {
    service.to_principal("").components().join("/")
}

/// Whether `target`, as a client wrote it, is one of the names of `ours`.
fn names(target: &str, ours: &ServiceName) -> bool {
    let Ok(theirs) = target.parse::<ServiceName>() else {
        return spn(ours).eq_ignore_ascii_case(target);
    };
    let hosts = (theirs.host().unwrap_or_default(), ours.host().unwrap_or_default());
    let ports = (theirs.port(), ours.port());
    theirs.service().eq_ignore_ascii_case(ours.service())
        && hosts.0.eq_ignore_ascii_case(hosts.1)
        && (ports.0.is_none() || ports.1.is_none() || ports.0 == ports.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_ours_by_service_host_and_the_port_that_both_name() {
        let ours: ServiceName = "MSSQLSvc/db.example.com:1433".parse().unwrap();
        for target in
            ["mssqlsvc/DB.Example.com:1433", "MSSQLSvc/db.example.com.", "MSSQLSvc/db.example.com@EXAMPLE.COM"]
        {
            assert!(names(target, &ours), "{target}");
        }
        let others = [
            "MSSQLSvc/db.example.com:1434",
            "MSSQLSvc/db2.example.com",
            "HTTP/db.example.com",
            "MSSQLSvc",
            "db.example.com",
            "MSSQLSvc/db.example.com.evil",
            "MSSQLSvc/db.example.com/../x/y",
        ];
        for target in others {
            assert!(!names(target, &ours), "{target}");
        }
        let port_open: ServiceName = "HTTP/[::1]".parse().unwrap();
        assert!(names("http/[::1]:8080", &port_open));
        let user = ServiceName::principal("svc-web@EXAMPLE.COM".parse().unwrap());
        assert!(names("SVC-WEB", &user) && !names("svc-web2", &user));
    }

    #[test]
    fn the_challenge_has_each_name_under_its_own_kind() {
        let server = NtlmServer::new("WWW", "EXAMPLE");
        let bare = server.target_info(Time::EPOCH);
        assert_eq!((bare.find(AvId::DNS_COMPUTER_NAME), bare.find(AvId::DNS_DOMAIN_NAME)), (None, None));
        let pairs = server.dns("www.example.com", "example.com").target_info(Time::EPOCH);
        for (id, name) in [
            (AvId::NB_COMPUTER_NAME, "WWW"),
            (AvId::NB_DOMAIN_NAME, "EXAMPLE"),
            (AvId::DNS_COMPUTER_NAME, "www.example.com"),
            (AvId::DNS_DOMAIN_NAME, "example.com"),
        ] {
            assert_eq!(pairs.find(id), Some(&*utf16(name)), "{name}");
        }
    }

    #[test]
    fn what_is_sent_of_a_name_is_all_but_its_realm() {
        for (name, sent) in [
            ("HTTP/WWW.example.com@R", "HTTP/WWW.example.com"),
            ("a/h:80", "a/h:80"),
            ("ldap/dc1.example.com/example.com", "ldap/dc1.example.com/example.com"),
            ("HTTP@h", "HTTP/h"),
        ] {
            assert_eq!(spn(&name.parse().unwrap()), sent);
        }
    }

    #[test]
    fn names_are_cut_to_what_is_promised() {
        let long = "n".repeat(300);
        let server = NtlmServer::new(&long, &long).dns(&long, &long);
        assert_eq!(server.computer().len(), 255);
        let pairs = server.target_info(Time::EPOCH);
        for id in [AvId::NB_COMPUTER_NAME, AvId::NB_DOMAIN_NAME, AvId::DNS_COMPUTER_NAME, AvId::DNS_DOMAIN_NAME] {
            assert_eq!(pairs.find(id).map(<[u8]>::len), Some(510), "{id:?}");
        }
    }
}
