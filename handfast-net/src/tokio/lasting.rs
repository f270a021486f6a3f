use handfast::krb5::HeldTicket;
use handfast::krb5::exchange::{ClientSecret, LoggedIn};
use handfast::{Credential, Principal};

use super::{KdcExchange, get_ticket, log_in};
use crate::login::lasting::{Got, Look, Source};
use crate::login::{LastingLogin, LoginError};

impl LastingLogin {
    /// The twin of [`credential`](Self::credential) for tasks. May be dropped at any time: then another one asks.
    ///
    /// # Errors
    /// [`LoginError`], only if no ticket-granting ticket is held that is good.
    pub async fn credential_async<K: KdcExchange>(&self, kdc: &K) -> Result<Credential, LoginError> {
        match self.look() {
            Look::Fresh(credential) => Ok(credential),
            Look::Stale(credential) => {
                if let Ok(_alone) = self.flight.task_gate.try_lock()
                    && matches!(self.look(), Look::Stale(_))
                {
                    // What is held stays; when it is tried again is written down there.
                    let _ = self.ask_async(kdc).await;
                }
                Ok(self.good().unwrap_or(credential))
            }
            Look::Nothing => {
                let before = self.flight.count();
                let _gate = self.flight.task_gate.lock().await;
                match (self.good(), self.flight.failed_since(before)) {
                    (Some(credential), _) => Ok(credential),
                    (None, Some(error)) => Err(error),
                    (None, None) => self.flight.end(self.ask_async(kdc).await),
                }
            }
        }
    }

    /// The twin of [`ticket`](Self::ticket) for tasks. May be dropped at any time: then another one asks.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn ticket_async<K: KdcExchange>(&self, service: &Principal, kdc: &K) -> Result<HeldTicket, LoginError> {
        if let Some(ticket) = self.good_ticket(service) {
            return Ok(ticket);
        }
        let flight = self.services.of(service);
        let before = flight.count();
        let gate = flight.task_gate.lock().await;
        let result = match (self.good_ticket(service), flight.failed_since(before)) {
            (Some(ticket), _) => Ok(ticket),
            (None, Some(error)) => Err(error),
            (None, None) => flight.end(self.ask_for_async(service, kdc).await),
        };
        drop(gate);
        self.services.done(service, &flight);
        result
    }

    async fn ask_async<K: KdcExchange>(&self, kdc: &K) -> Result<Credential, LoginError> {
        if let Some(renewal) = self.renewal()
            && let Ok(renewed) = get_ticket(renewal, kdc, &self.clock).await
        {
            return self.keep_result(Ok(Got::Renewed(renewed.ticket)));
        }
        let result = self.log_in_async(kdc).await;
        self.keep_result(result.map(Got::LoggedIn))
    }

    async fn log_in_async<K: KdcExchange>(&self, kdc: &K) -> Result<LoggedIn, LoginError> {
        let login = self.login(self.secret_async().await?);
        Ok(log_in(login, kdc, &self.clock).await?)
    }

    /// A keytab is a file, for which one may have to wait.
    async fn secret_async(&self) -> Result<ClientSecret, LoginError> {
        if let Source::Secret(secret) = &self.source {
            return Ok(secret.clone());
        }
        let (source, client) = (self.source.clone(), self.client.clone());
        let read = ::tokio::task::spawn_blocking(move || source.secret(&client)).await;
        read.unwrap_or_else(|_| self.source.secret(&self.client))
    }

    async fn ask_for_async<K: KdcExchange>(&self, service: &Principal, kdc: &K) -> Result<HeldTicket, LoginError> {
        self.credential_async(kdc).await?;
        let acquired = get_ticket(self.request(service)?, kdc, &self.clock).await?;
        Ok(self.held().add_for(service, acquired, self.clock.now()))
    }
}
