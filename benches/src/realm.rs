//! What all contenders use: a realm of MIT's KDC, one keytab, and one credential cache per encryption type.

use crate::contender::Result;
use handfast_interop::{Enctype, MitClient, MitRealm};
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The realm, and a client's tickets.
#[derive(Debug)]
pub struct Realm {
    mit: MitRealm,
    clients: RefCell<HashMap<Enctype, Rc<MitClient>>>,
}

impl Realm {
    /// Starts the KDC.
    pub fn start() -> Rc<Self> {
        Rc::new(Realm { mit: MitRealm::start(), clients: RefCell::default() })
    }

    /// The keys of all services.
    pub fn service_keytab(&self) -> &Path {
        self.mit.service_keytab()
    }

    /// The keys of all users.
    pub fn user_keytab(&self) -> &Path {
        self.mit.user_keytab()
    }

    /// Where the KDC listens.
    pub fn kdc(&self) -> SocketAddr {
        self.mit.kdc()
    }

    /// Alice with her service ticket for [`Enctype::service`], got at the first call.
    pub fn client(&self, enctype: Enctype) -> Rc<MitClient> {
        let mut clients = self.clients.borrow_mut();
        Rc::clone(clients.entry(enctype).or_insert_with(|| {
            let client = self.mit.client_of_with("alice", &self.mit.config().clone().enctypes(&[enctype]));
            client.kvno(&enctype.service_principal()).expect_success();
            Rc::new(client)
        }))
    }

    /// The files of a new process that sets up a context.
    pub fn files(&self, enctype: Enctype) -> Result<Files> {
        let client = self.client(enctype);
        Ok(Files {
            ccache: std::path::absolute(client.ccache())?,
            keytab: std::path::absolute(self.service_keytab())?,
            config: std::path::absolute(client.config().path())?,
        })
    }
}

/// What a process finds on disk.
#[derive(Debug, Clone)]
pub struct Files {
    /// Alice's credential cache.
    pub ccache: PathBuf,
    /// The services' keytab.
    pub keytab: PathBuf,
    /// `krb5.conf`
    pub config: PathBuf,
}

/// The value of `KRB5CCNAME` or `KRB5_KTNAME` for a file.
pub fn file(path: &Path) -> String {
    format!("FILE:{}", path.display())
}
