//! The relations of krb5.conf(5), as Debian 12's page (MIT krb5 1.20) has them, and those that other versions and libraries know.

use super::relation::Place::{
    AppDefaults, Capaths, Directive, DomainRealm, LibDefaults, Pkinit, Plugins, Realms, Server,
};
use super::relation::{Relation, honoured, ignored, unsupported};

const NO_PLUGINS: &str = "no plug-in is ever loaded; what MIT krb5 has in them is built in or missing";
const NO_VERSION_4: &str = "of Kerberos version 4, which is gone";
const NO_K5LOGIN: &str = "no .k5login is read; auth_to_local says which account a client has";

/// Every relation of the page, in its order.
pub(super) const PAGE: &[Relation] = &[
    honoured(Directive, "include", "another file is read"),
    honoured(Directive, "includedir", "the files of a directory are read, in alphanumeric order"),
    ignored(Directive, "module", "no library is loaded; Conf::warnings has a word on it"),
    ignored(LibDefaults, "allow_weak_crypto", "single DES and RC4 of 40 bits can't be used, whatever this says"),
    honoured(LibDefaults, "canonicalize", "a login may end under another name, in another realm"),
    ignored(LibDefaults, "ccache_type", "credential caches are written in version 4 of the format, as with 4"),
    honoured(LibDefaults, "clockskew", "how far clocks may be apart"),
    honoured(LibDefaults, "default_ccache_name", "the credential cache where KRB5CCNAME is not set"),
    honoured(LibDefaults, "default_client_keytab_name", "the keytab of initiators where KRB5_CLIENT_KTNAME is not set"),
    honoured(LibDefaults, "default_keytab_name", "the keytab of acceptors where KRB5_KTNAME is not set"),
    unsupported(LibDefaults, "default_rcache_name", "acceptors remember tokens in memory or where the program says"),
    honoured(LibDefaults, "default_realm", "the realm of names that have none"),
    unsupported(LibDefaults, "default_tgs_enctypes", "permitted_enctypes is what a TGS-REQ asks for"),
    honoured(LibDefaults, "default_tkt_enctypes", "which session keys an AS-REQ asks for"),
    honoured(
        LibDefaults,
        "dns_canonicalize_hostname",
        "whether names of hosts are looked up in the DNS; where it is not there, no: MIT krb5 does",
    ),
    honoured(LibDefaults, "dns_lookup_kdc", "whether the DNS is asked for KDCs of realms that list none"),
    honoured(
        LibDefaults,
        "dns_uri_lookup",
        "whether URI records are asked for before SRV records; KDC proxies in them (feature kkdcp) are asked if no KDC answers",
    ),
    unsupported(
        LibDefaults,
        "enforce_ok_as_delegate",
        "Policy::delegate_if_ok_as_delegate does so where delegation is asked for",
    ),
    ignored(LibDefaults, "err_fmt", "errors are values with a text of their own"),
    honoured(
        LibDefaults,
        "extra_addresses",
        "more addresses of this host, where noaddresses is false; names are passed over",
    ),
    honoured(LibDefaults, "forwardable", "whether tickets of a login are to be forwardable"),
    unsupported(LibDefaults, "ignore_acceptor_hostname", "which principals an acceptor takes is said where it is made"),
    unsupported(LibDefaults, "k5login_authoritative", NO_K5LOGIN),
    unsupported(LibDefaults, "k5login_directory", NO_K5LOGIN),
    ignored(LibDefaults, "kcm_mach_service", "of macOS only; kcm_socket is read"),
    honoured(LibDefaults, "kcm_socket", "where the daemon of KCM: caches listens"),
    unsupported(LibDefaults, "kdc_default_options", "forwardable, proxiable and renew_lifetime are read"),
    honoured(LibDefaults, "kdc_timesync", "whether logins and their tickets follow the KDC's clock where it differs"),
    honoured(LibDefaults, "noaddresses", "whether tickets of a login are good from any address"),
    honoured(LibDefaults, "permitted_enctypes", "which encryption types are used, and in which order"),
    ignored(LibDefaults, "plugin_base_dir", NO_PLUGINS),
    honoured(LibDefaults, "preferred_preauth_types", "which methods of TicketOptions::preauth a login tries first"),
    honoured(LibDefaults, "proxiable", "whether tickets of a login are to be proxiable"),
    honoured(LibDefaults, "qualify_shortname", "the domain of names without a dot; there is no other than this one"),
    honoured(LibDefaults, "rdns", "whether a host that is looked up has the name of its address"),
    unsupported(LibDefaults, "realm_try_domains", "the domain of a host is not tried as its realm, as with -1"),
    honoured(LibDefaults, "renew_lifetime", "for how long tickets of a login are to be renewable"),
    honoured(LibDefaults, "spake_preauth_groups", "the groups of SPAKE that logins offer, in builds with SPAKE"),
    honoured(LibDefaults, "ticket_lifetime", "for how long tickets of a login are to be good"),
    honoured(LibDefaults, "udp_preference_limit", "from which size on requests go over TCP first"),
    unsupported(LibDefaults, "verify_ap_req_nofail", "a login is not verified with the host's keytab"),
    unsupported(LibDefaults, "client_aware_channel_bindings", "acceptors insist on bindings that they have themselves"),
    honoured(
        Realms,
        "admin_server",
        "whose hosts are password servers, if there is no kpasswd_server and the DNS has none",
    ),
    honoured(Realms, "auth_to_local", "which local account a client has: Conf::auth_to_local"),
    honoured(Realms, "auth_to_local_names", "local accounts of single clients: Conf::auth_to_local"),
    ignored(Realms, "default_domain", NO_VERSION_4),
    honoured(Realms, "disable_encrypted_timestamp", "whether logins do without encrypted timestamps"),
    honoured(
        Realms,
        "http_anchors",
        "whose certificates are believed to be KDC proxies': FILE: and DIR: (feature kkdcp)",
    ),
    honoured(
        Realms,
        "kdc",
        "the KDCs of the realm, and KDC proxies by https:// (feature kkdcp), which are asked if no KDC answers",
    ),
    honoured(Realms, "kpasswd_server", "the password servers, in their order"),
    honoured(Realms, "master_kdc", "the older name of primary_kdc"),
    honoured(
        Realms,
        "primary_kdc",
        "where a login that another KDC refused, as one that has an old password would, is tried once more",
    ),
    ignored(Realms, "v4_instance_convert", NO_VERSION_4),
    ignored(Realms, "v4_realm", NO_VERSION_4),
    honoured(DomainRealm, "*", "the realms of hosts and domains"),
    honoured(Capaths, "*", "the realms between two others"),
    ignored(AppDefaults, "*", "no program here has options there"),
    ignored(Plugins, "disable", NO_PLUGINS),
    ignored(Plugins, "enable_only", NO_PLUGINS),
    ignored(Plugins, "module", NO_PLUGINS),
    honoured(Pkinit, "pkinit_anchors", "whose certificates are believed to be KDCs': FILE: and DIR:"),
    unsupported(Pkinit, "pkinit_cert_match", "the first identity that can be read is the client's"),
    honoured(Pkinit, "pkinit_eku_checking", "what a KDC's certificate must be for"),
    honoured(
        Pkinit,
        "pkinit_dh_min_bits",
        "how many bits a group must have; curves count by their strength, and fewer than 2048 are not taken",
    ),
    honoured(
        Pkinit,
        "pkinit_identities",
        "the client's certificate and key, where a login with one is asked for: FILE:, DIR: and PKCS12:",
    ),
    honoured(Pkinit, "pkinit_kdc_hostname", "hosts whose certificates need not name the realm"),
    honoured(Pkinit, "pkinit_pool", "certificates that may stand between a KDC's and an anchor"),
    honoured(Pkinit, "pkinit_require_crl_checking", "whether a list of revoked certificates must be there"),
    honoured(Pkinit, "pkinit_revoke", "lists of revoked certificates: FILE: and DIR:"),
];

/// What the page has not: relations of MIT krb5 that it leaves out or that came later, and Heimdal's.
pub(super) const ELSEWHERE: &[Relation] = &[
    honoured(
        LibDefaults,
        "dns_lookup_realm",
        "whether TXT records say the realm of a host whose service the client's own KDC does not know",
    ),
    honoured(LibDefaults, "allow_rc4", "whether keys of rc4-hmac may be used, long-term keys too"),
    honoured(
        LibDefaults,
        "allow_des3",
        "whether an acceptor takes tickets under its keys of des3-cbc-sha1; there are no sessions with such keys",
    ),
    honoured(LibDefaults, "request_timeout", "how long a request to all KDCs may take"),
    ignored(LibDefaults, "kdc_timeout", "request_timeout is for all KDCs together"),
    ignored(LibDefaults, "max_retries", "KDCs are asked in three passes"),
    ignored(LibDefaults, "default_etypes", "of Heimdal; permitted_enctypes is read"),
    ignored(LibDefaults, "safe_checksum_type", "of older versions; the encryption type decides"),
    ignored(LibDefaults, "ap_req_checksum_type", "of older versions; the encryption type decides"),
    ignored(LibDefaults, "kdc_req_checksum_type", "of older versions; the encryption type decides"),
    ignored(LibDefaults, "krb4_config", NO_VERSION_4),
    ignored(LibDefaults, "krb4_realms", NO_VERSION_4),
    ignored(Server, "*", "for KDCs and administration servers, whose files are others here"),
];
