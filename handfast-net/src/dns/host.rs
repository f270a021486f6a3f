//! Hosts: what a name is an alias of, and what an address is called (RFC 1034 3.6.2, RFC 1035 3.5, RFC 3596 2.5).

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Instant;

use super::message::{Query, Reply};
use super::{Dns, RecordType};
use crate::Deadline;
use crate::kdc::Transport;

/// How many domains above one another are asked for a realm.
const DOMAIN_LIMIT: usize = 16;

impl Dns {
    /// The name that `host` is an alias of, or itself, and its first address; none if no nameserver knows one. May wait for as long as
    /// [`whole`](Self::whole) says.
    #[must_use]
    pub fn host(&self, host: &str) -> Option<(String, IpAddr)> {
        self.host_before(host, self.deadline())
    }

    /// The name of an address; none if no nameserver knows one. May wait, too.
    #[must_use]
    pub fn name_of(&self, address: IpAddr) -> Option<String> {
        self.name_before(address, self.deadline())
    }

    /// When a look-up that begins now is over.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.whole)
    }

    pub(crate) fn host_before(&self, host: &str, deadline: Deadline) -> Option<(String, IpAddr)> {
        let by = |record| match self.reply(record, host, deadline)? {
            Reply::Host { name, address } => Some((name, address)),
            _ => None,
        };
        by(RecordType::A).or_else(|| by(RecordType::Aaaa))
    }

    pub(crate) fn name_before(&self, address: IpAddr, deadline: Deadline) -> Option<String> {
        match self.reply(RecordType::Ptr, &reverse(address), deadline)? {
            Reply::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The realm that TXT records of `host`'s name or of a domain above it say that it is in: `_kerberos.HOST`, as MIT krb5 has it. Nothing
    /// proves it: whoever answers chooses the realm. May wait, too.
    #[must_use]
    pub fn realm_of(&self, host: &str) -> Option<String> {
        let deadline = self.deadline();
        let mut domain = host.trim_end_matches('.');
        for _ in 0..DOMAIN_LIMIT {
            match self.reply(RecordType::Txt, &format!("_kerberos.{domain}"), deadline) {
                Some(Reply::Name(realm)) => return Some(realm),
                _ => domain = domain.split_once('.')?.1,
            }
        }
        None
    }

    /// What is kept, or what the first nameserver says that says anything.
    fn reply(&self, record: RecordType, name: &str, deadline: Deadline) -> Option<Reply> {
        if let Some((reply, _)) = self.answers.recall(record, name, Instant::now()) {
            return Some(reply);
        }
        let servers = (0..self.attempts).flat_map(|_| self.nameservers.iter().copied());
        let ask = |server| {
            let query = Query::new(record, name, self.id()?)?;
            let mut over = Transport::Udp;
            let mut heard = self.ask(server, over, &query, deadline).ok()?;
            if heard.reply == Reply::Truncated {
                over = Transport::Tcp;
                heard = self.ask(server, over, &query, deadline).ok()?;
            }
            if matches!(heard.reply, Reply::Failed(_)) {
                return None;
            }
            self.answers.keep(record, name, &heard, (server, over), Instant::now());
            Some(heard.reply)
        };
        servers.into_iter().find_map(ask)
    }

    fn id(&self) -> Option<u16> {
        let mut id = [0; 2];
        self.random.fill(&mut id).ok()?;
        Some(u16::from_be_bytes(id))
    }
}

/// The name that stands for an address in the DNS.
fn reverse(address: IpAddr) -> String {
    let mut name = String::new();
    // Writing to a String does not fail.
    let suffix = match address {
        IpAddr::V4(address) => {
            let _ = address.octets().iter().rev().try_for_each(|octet| write!(name, "{octet}."));
            "in-addr.arpa"
        }
        IpAddr::V6(address) => {
            let halves = |octet: &u8| [octet & 15, octet >> 4];
            let octets = address.octets();
            let _ = octets.iter().rev().flat_map(halves).try_for_each(|half| write!(name, "{half:x}."));
            "ip6.arpa"
        }
    };
    name + suffix
}

#[cfg(test)]
mod tests {
    use super::reverse;

    /// RFC 1035 3.5 and RFC 3596 2.5.
    #[test]
    fn addresses_are_names_backwards() {
        assert_eq!(reverse("10.2.0.52".parse().unwrap()), "52.0.2.10.in-addr.arpa");
        let long = "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa";
        assert_eq!(reverse("4321:0:1:2:3:4:567:89ab".parse().unwrap()), long);
    }
}
