//! A realm, its users and its services inside one process, in virtual time.
