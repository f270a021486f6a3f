/// What `klist -ef` says of a credential cache, line for line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Klist {
    /// The `Default principal:` line.
    pub principal: String,
    /// The tickets, in the order printed.
    pub tickets: Vec<KlistTicket>,
}

/// One ticket of `klist -ef`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KlistTicket {
    /// The service principal.
    pub service: String,
    /// The `Flags:` letters, such as `"FIA"`; empty if there are none.
    pub flags: String,
    /// The session key's encryption type, as printed.
    pub session_enctype: String,
    /// The encryption type of the ticket itself, as printed.
    pub ticket_enctype: String,
}

impl Klist {
    /// Reads what `klist -ef` printed; fails the test if there is something else.
    pub fn parse(text: &str) -> Self {
        let mut lines = text.lines().skip_while(|line| !line.starts_with("Default principal: "));
        let principal = lines.next().and_then(|line| line.strip_prefix("Default principal: "));
        let Some(principal) = principal else { panic!("no principal in klist's output:\n{text}") };
        let mut tickets: Vec<KlistTicket> = Vec::new();
        for line in lines.skip_while(|line| !line.starts_with("Valid starting")).skip(1) {
            match (line.strip_prefix('\t'), tickets.last_mut()) {
                (Some(detail), Some(ticket)) => ticket.read_detail(detail),
                (None, _) if !line.is_empty() => tickets.push(KlistTicket::of_service(line)),
                _ => {}
            }
        }
        Klist { principal: principal.into(), tickets }
    }

    /// The ticket for `service` (with its realm); fails the test if there is none.
    pub fn ticket(&self, service: &str) -> &KlistTicket {
        let found = self.tickets.iter().find(|ticket| ticket.service == service);
        found.unwrap_or_else(|| panic!("no ticket for {service} in {self:#?}"))
    }
}

impl KlistTicket {
    // "11/22/26 15:20:01  11/23/26 01:20:01  krbtgt/MIT.TEST@MIT.TEST"
    fn of_service(line: &str) -> Self {
        let service = line.rsplit("  ").next().unwrap_or_default().to_owned();
        KlistTicket { service, flags: String::new(), session_enctype: String::new(), ticket_enctype: String::new() }
    }

    // "renew until 11/23/26 15:20:01, Flags: FRIA" and "Etype (skey, tkt): X, Y ", or without the former "Flags: A, Etype …"
    fn read_detail(&mut self, detail: &str) {
        if let Some((_, flags)) = detail.rsplit_once("Flags: ") {
            self.flags = flags.split(',').next().unwrap_or_default().trim().to_owned();
        }
        if let Some((_, enctypes)) = detail.split_once("Etype (skey, tkt): ")
            && let Some((session, ticket)) = enctypes.trim().split_once(", ")
        {
            self.session_enctype = session.to_owned();
            self.ticket_enctype = ticket.to_owned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_flags_and_enctypes_are_read() {
        let list = Klist::parse(
            "Ticket cache: FILE:/x\nDefault principal: alice@MIT.TEST\n\n\
             Valid starting     Expires            Service principal\n\
             11/22/26 15:20:01  11/23/26 01:20:01  krbtgt/MIT.TEST@MIT.TEST\n\
             \trenew until 11/23/26 15:20:01, Flags: FRIA\n\
             \tEtype (skey, tkt): aes256-cts-hmac-sha1-96, aes128-cts-hmac-sha1-96 \n\
             11/22/26 15:20:01  11/23/26 01:20:01  host/localhost@MIT.TEST\n\
             \tFlags: AT, Etype (skey, tkt): aes128-cts-hmac-sha1-96, aes256-cts-hmac-sha1-96 \n",
        );
        assert_eq!(list.principal, "alice@MIT.TEST");
        let ticket = list.ticket("krbtgt/MIT.TEST@MIT.TEST");
        assert_eq!(ticket.flags, "FRIA");
        assert_eq!(ticket.session_enctype, "aes256-cts-hmac-sha1-96");
        assert_eq!(ticket.ticket_enctype, "aes128-cts-hmac-sha1-96");
        let not_renewable = list.ticket("host/localhost@MIT.TEST");
        assert_eq!(not_renewable.flags, "AT");
        assert_eq!(not_renewable.session_enctype, "aes128-cts-hmac-sha1-96");
    }

    #[test]
    #[should_panic(expected = "no principal")]
    fn an_error_message_is_no_list() {
        Klist::parse("klist: No credentials cache found (filename: /x)\n");
    }
}
