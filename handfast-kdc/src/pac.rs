//! PACs in tickets (MS-PAC, MS-KILE 3.3.5): made for a client that logs in, checked and signed again for its further tickets.

use crate::directory::PrincipalEntry;
use crate::preauth;
use crate::realm::Realm;
use crate::refusal::Refusal;
use alloc::string::String;
use alloc::vec::Vec;
use handfast::krb5::enctype::{CryptoError, EncryptionKey};
use handfast::krb5::message::{
    AdElement, AdType, AuthorizationData, EncTicketPart, ErrorCode, KerberosTime, PaData, PaDataType, PaPacRequest,
    PrincipalName, Ticket,
};
use handfast::krb5::pac::{
    AttributesInfo, ClientInfo, DelegationInfo, GroupAttributes, GroupMembership, LogonInfo, Pac, PacBufferType,
    PacBuilder, Rid, Sid, SignatureKey, UpnDnsInfo, find_pac, ticket_to_sign, with_pac,
};
use handfast::wire::EncodeError;

/// The domain of a realm whose KDC issues PACs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its SID.
    pub sid: Sid,
    /// Its NetBIOS name.
    pub netbios_name: String,
}

/// Who a principal is in its realm's domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainAccount {
    /// The account in its domain.
    pub rid: Rid,
    /// Its groups there, the primary one first; `Domain Users` if there are none.
    pub groups: Vec<Rid>,
}

/// A PAC that is about to be issued: all but the signatures, and the key that the KDC signs with.
pub(crate) struct IssuedPac {
    builder: PacBuilder,
    kdc: SignatureKey,
}

impl IssuedPac {
    /// The AD-IF-RELEVANT that goes into `part`, a ticket for `sname` under `server`.
    pub(crate) fn container(
        &self,
        part: &EncTicketPart<'_>,
        sname: &PrincipalName<'_>,
        server: &EncryptionKey,
    ) -> Result<Vec<u8>, Refusal> {
        let server = SignatureKey::new(server)?;
        let pac = if is_for_a_service(sname) {
            let place = with_pac(&[]);
            let mut placed = part.clone();
            placed.authorization_data.0.insert(0, AdElement { ad_type: AdType::IF_RELEVANT, ad_data: &place });
            let signed = ticket_to_sign(&placed).map_err(|_| not_ours())?;
            self.builder.sign_for_service(&server, &self.kdc, &signed)
        } else {
            self.builder.sign(&server, &self.kdc)
        };
        Ok(with_pac(&pac.map_err(too_large)?))
    }
}

/// Whether a ticket for `sname` has signatures of ticket and whole PAC (MS-PAC 2.8.3, 2.8.4): not if a KDC reads it.
fn is_for_a_service(sname: &PrincipalName<'_>) -> bool {
    sname.name_string.first() != Some(&"krbtgt") && sname.name_string != ["kadmin", "changepw"]
}

fn not_ours() -> Refusal {
    Refusal::new(ErrorCode::KRB_AP_ERR_MODIFIED, "the PAC in the ticket is not proven: not ours, or altered")
}

fn too_large(error: EncodeError) -> Refusal {
    Refusal::new(ErrorCode::KRB_ERR_GENERIC, alloc::format!("{error}"))
}

/// The authorization data without its PAC, which is issued anew or not at all: signatures of another ticket hold for none.
pub(crate) fn without_pac<'a>(data: &AuthorizationData<'a>) -> AuthorizationData<'a> {
    let has_pac = |element: &AdElement<'_>| {
        let inner = AuthorizationData(Vec::from([*element]));
        inner.find(AdType::WIN2K_PAC).is_ok_and(|found| found.is_some())
    };
    AuthorizationData(data.0.iter().filter(|element| !has_pac(element)).copied().collect())
}

impl Realm {
    fn kdc_signature_key(&self) -> Result<SignatureKey, Refusal> {
        let krbtgt = self.krbtgt()?;
        let no_key = || Refusal::new(ErrorCode::KDC_ERR_NULL_KEY, "the ticket-granting service has no key");
        Ok(SignatureKey::new(krbtgt.current_keys().next().ok_or_else(no_key)?.key())?)
    }

    /// The PAC of a client that logs in, if the realm has a domain and the client an account in it. One that says that it wants
    /// none (MS-KILE 3.3.5.3) has it in its ticket-granting ticket alone, where it tells the KDC whose that is (CVE-2020-25719).
    pub(crate) fn new_pac(
        &self,
        client: &PrincipalEntry,
        cname: &PrincipalName<'_>,
        authtime: KerberosTime,
        for_krbtgt: bool,
        padata: &[PaData<'_>],
    ) -> Result<Option<IssuedPac>, Refusal> {
        let (Some(domain), Some(account)) = (&self.settings.domain, &client.account) else { return Ok(None) };
        let asked = preauth::find(padata, PaDataType::PAC_REQUEST).map(PaPacRequest::decode);
        let asked =
            asked.transpose().map_err(|error| Refusal::new(ErrorCode::KRB_ERR_GENERIC, alloc::format!("{error}")))?;
        let declined = asked.as_ref().is_some_and(|asked| !asked.include_pac);
        if declined && !for_krbtgt {
            return Ok(None);
        }
        let sid = domain.sid.with(account.rid);
        let mut builder = PacBuilder::new();
        let name = cname.name_string.join("/");
        builder.logon_info(&logon_info(domain, account, &name)).map_err(too_large)?;
        builder.client_info(&ClientInfo::of_ticket(cname, authtime)).map_err(too_large)?;
        let realm = self.name();
        let upn = UpnDnsInfo {
            upn: alloc::format!("{name}@{}", realm.to_lowercase()),
            dns_domain_name: realm.into(),
            constructed: true,
            sam_name_and_sid: Some((name, sid)),
        };
        builder.upn_dns_info(&upn).map_err(too_large)?;
        if for_krbtgt {
            let requested = asked.is_some() && !declined;
            builder.attributes(AttributesInfo { requested, given_implicitly: asked.is_none() });
            builder.requestor(&sid);
        }
        Ok(Some(IssuedPac { builder, kdc: self.kdc_signature_key()? }))
    }

    /// The PAC of a user in whose name a service asks (MS-SFU 3.2.5.1.2), if the user is of this realm.
    pub(crate) fn users_pac(&self, ticket: &EncTicketPart<'_>, for_krbtgt: bool) -> Result<Option<IssuedPac>, Refusal> {
        let Some(user) = self.find(&ticket.cname.to_principal(ticket.crealm))? else { return Ok(None) };
        self.new_pac(&user, &ticket.cname, ticket.authtime, for_krbtgt, &[])
    }

    /// The PAC for a further ticket: that of the ticket shown, once its signatures have been checked, and it is of the
    /// account that the directory still has by this name (CVE-2021-42287). Of that of another realm's ticket, what is believed.
    pub(crate) fn further_pac(
        &self,
        ticket: &EncTicketPart<'_>,
        shown: &Ticket<'_>,
        for_krbtgt: bool,
    ) -> Result<Option<IssuedPac>, Refusal> {
        let found = find_pac(&ticket.authorization_data).map_err(|_| not_ours())?;
        let Some(bytes) = found.filter(|_| self.settings.domain.is_some()) else {
            return self.check_without_pac(ticket, shown).map(|()| None);
        };
        let mut builder = if shown.realm == self.name() {
            let pac = Pac::decode(bytes).map_err(|_| not_ours())?;
            self.check_pac(&pac, ticket, shown)?;
            let attributes = pac.attributes().map_err(|_| not_ours())?;
            if !for_krbtgt && attributes.is_some_and(|pac| !pac.requested && !pac.given_implicitly) {
                return Ok(None);
            }
            PacBuilder::of(&pac)
        } else {
            let Some(filtered) = self.filtered_pac(ticket, shown, bytes)? else { return Ok(None) };
            filtered
        };
        if !for_krbtgt {
            builder.without(PacBufferType::ATTRIBUTES).without(PacBufferType::REQUESTOR);
        }
        Ok(Some(IssuedPac { builder, kdc: self.kdc_signature_key()? }))
    }

    /// The PAC of the evidence, with the service that acts for its client added to those before (MS-PAC 2.9, MS-SFU
    /// 3.2.5.2.4).
    pub(crate) fn delegated_pac(
        &self,
        evidence: &EncTicketPart<'_>,
        shown: &Ticket<'_>,
        own: &EncTicketPart<'_>,
        target: &PrincipalName<'_>,
    ) -> Result<Option<IssuedPac>, Refusal> {
        let Some(mut pac) = self.further_pac(evidence, shown, false)? else { return Ok(None) };
        let Some(bytes) = find_pac(&evidence.authorization_data).map_err(|_| not_ours())? else { return Ok(None) };
        let before = Pac::decode(bytes).and_then(|pac| pac.delegation_info()).map_err(|_| not_ours())?;
        let mut transited_services = before.map(|info| info.transited_services).unwrap_or_default();
        transited_services.push(alloc::format!("{}@{}", own.cname.name_string.join("/"), own.crealm));
        let info = DelegationInfo { proxy_target: target.name_string.join("/"), transited_services };
        pac.builder.delegation_info(&info).map_err(too_large)?;
        Ok(Some(pac))
    }

    fn check_pac(&self, pac: &Pac<'_>, ticket: &EncTicketPart<'_>, shown: &Ticket<'_>) -> Result<(), Refusal> {
        self.check_server_signature(pac, ticket, shown)?;
        let service = is_for_a_service(&shown.sname);
        let by_kdc = schedule(&*self.krbtgt()?)?.iter().any(|key| match service {
            true => pac.verify_kdc_signatures(ticket, key, true).is_ok(),
            false => pac.verify_kdc_signature(key).is_ok(),
        });
        if !by_kdc {
            return Err(not_ours());
        }
        if service || ticket.crealm != self.name() { Ok(()) } else { self.check_requestor(pac, ticket) }
    }

    /// Whether the PAC is the ticket's, by the key that the ticket is under.
    pub(crate) fn check_server_signature(
        &self,
        pac: &Pac<'_>,
        ticket: &EncTicketPart<'_>,
        shown: &Ticket<'_>,
    ) -> Result<(), Refusal> {
        let server = self.resolve(&shown.sname.to_principal(shown.realm))?.ok_or_else(not_ours)?;
        let holds = schedule(&server)?.iter().any(|key| pac.verify(ticket, key).is_ok());
        if holds { Ok(()) } else { Err(not_ours()) }
    }

    /// The account that the directory has by the name of a ticket's client.
    fn account_of(&self, ticket: &EncTicketPart<'_>) -> Result<Option<Sid>, Refusal> {
        let entry = self.find(&ticket.cname.to_principal(ticket.crealm))?;
        let account = entry.as_ref().and_then(|entry| entry.account.as_ref());
        Ok(self.settings.domain.as_ref().zip(account).map(|(domain, account)| domain.sid.with(account.rid)))
    }

    /// A ticket-granting ticket of ours without a PAC is of a client that has no account: of any other it does not tell
    /// whose it was when it was issued (CVE-2020-25719).
    fn check_without_pac(&self, ticket: &EncTicketPart<'_>, shown: &Ticket<'_>) -> Result<(), Refusal> {
        if is_for_a_service(&shown.sname) || self.account_of(ticket)?.is_none() {
            return Ok(());
        }
        let reason =
            "the ticket has no PAC, which would tell what account it was issued to: the client has to log in again";
        Err(Refusal::new(ErrorCode::KDC_ERR_TGT_REVOKED, reason))
    }

    fn check_requestor(&self, pac: &Pac<'_>, ticket: &EncTicketPart<'_>) -> Result<(), Refusal> {
        let sid = self.account_of(ticket)?;
        if sid.is_some() && pac.requestor().map_err(|_| not_ours())? == sid {
            return Ok(());
        }
        let reason = "the account of the ticket's name is another one than when the ticket was issued";
        Err(Refusal::new(ErrorCode::KDC_ERR_TGT_REVOKED, reason))
    }
}

fn schedule(entry: &PrincipalEntry) -> Result<Vec<SignatureKey>, CryptoError> {
    entry.keys.iter().map(|key| SignatureKey::new(key.key())).collect()
}

fn logon_info(domain: &Domain, account: &DomainAccount, name: &str) -> LogonInfo {
    let primary = account.groups.first().copied().unwrap_or(Rid::DOMAIN_USERS);
    let groups = if account.groups.is_empty() { &[Rid::DOMAIN_USERS][..] } else { &account.groups };
    let member = |rid: &Rid| GroupMembership { rid: *rid, attributes: GroupAttributes::MEMBER };
    LogonInfo {
        primary_group_id: primary,
        groups: groups.iter().map(member).collect(),
        logon_domain_name: domain.netbios_name.clone(),
        ..LogonInfo::of_user(domain.sid, account.rid, name)
    }
}
