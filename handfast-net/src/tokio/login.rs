use handfast::crypto::Secret;
use handfast::krb5::exchange::{Acquired, ExchangeStep, LoggedIn, Login, TicketRequest};

use handfast::{Answer, Principal, Question, Time};

use super::{KdcExchange, change_password};
use crate::Clock;
use crate::login::second_try::SecondTry;
use crate::login::{Answers, NewPasswords, Step, TicketError, worth_another};

/// Logs in: the twin of [`crate::login::log_in`].
///
/// # Errors
/// [`TicketError`].
pub async fn log_in<K: KdcExchange>(login: Login, kdc: &K, clock: &Clock) -> Result<LoggedIn, TicketError> {
    log_in_answering(login, &Answers::default(), kdc, clock).await
}

/// Logs in, and changes a password that has expired: the twin of [`crate::login::log_in_or_change`]. The function that gives the new one
/// must not block for long.
///
/// # Errors
/// [`TicketError`].
pub async fn log_in_or_change<K: KdcExchange>(
    login: Login,
    passwords: &NewPasswords<'_>,
    kdc: &K,
    clock: &Clock,
) -> Result<LoggedIn, TicketError> {
    log_in_answering(login, &Answers { new_password: Some(*passwords), ..Answers::default() }, kdc, clock).await
}

/// Logs in, with answers to what may be asked: the twin of [`crate::login::log_in_answering`]. The functions that give them must not
/// block for long.
///
/// # Errors
/// [`TicketError`].
pub async fn log_in_answering<K: KdcExchange>(
    login: Login,
    answers: &Answers<'_>,
    kdc: &K,
    clock: &Clock,
) -> Result<LoggedIn, TicketError> {
    let (mut second, mut step) = SecondTry::begin(answers.asked_by(login), clock.now());
    loop {
        if second.would_help(&step) && kdc.any_replica(&second.heard).await {
            step = second.start(step, clock.now());
        }
        step = match step? {
            ExchangeStep::Complete(ticket) => return Ok(*ticket),
            ExchangeStep::NeedsKdc(next, request) if second.is_under_way() => {
                match kdc.exchange_with_primary(&request).await {
                    Ok(bytes) => next.reply(&bytes, clock.now()),
                    Err(unreachable) => second.give_up(unreachable)?,
                }
            }
            ExchangeStep::NeedsKdc(next, request) => {
                let answer = kdc.exchange_noted(&request).await?;
                second.heard.extend(answer.from);
                next.reply(&answer.bytes, clock.now())
            }
            ExchangeStep::NeedsAnswer(next, question) => {
                let answer = match (&question, &answers.new_password) {
                    (Question::NewPassword { client }, Some(passwords)) => {
                        renew(&next, client, passwords, clock).await?.map(Answer::NewPassword)
                    }
                    _ => answers.at_once(&question),
                };
                match answer {
                    Some(answer) => {
                        second.answered(&answer);
                        next.answer(answer, clock.now())
                    }
                    None => next.decline(clock.now()),
                }
            }
        };
    }
}

async fn renew(
    login: &Login,
    client: &Principal,
    passwords: &NewPasswords<'_>,
    clock: &Clock,
) -> Result<Option<Secret<Vec<u8>>>, TicketError> {
    let mut refused = None;
    for tries in 1.. {
        let Some(new_password) = (passwords.ask)(client, refused.as_deref()) else { break };
        let Some(change) = login.change_password(new_password.clone()) else { break };
        match change_password(&change, passwords.servers, clock).await {
            Ok(()) => return Ok(Some(new_password)),
            Err(error) => refused = Some(worth_another(error, tries)?),
        }
    }
    Ok(None)
}

/// Gets a ticket for a service, or renews a ticket: the twin of [`crate::login::get_ticket`].
///
/// # Errors
/// [`TicketError`].
pub async fn get_ticket<K: KdcExchange>(
    request: TicketRequest,
    kdc: &K,
    clock: &Clock,
) -> Result<Acquired, TicketError> {
    drive(request.begin(clock.now()), TicketRequest::reply, TicketRequest::decline, kdc, clock).await
}

async fn drive<M, T, K: KdcExchange>(
    mut step: Step<M, T>,
    reply: fn(M, &[u8], Time) -> Step<M, T>,
    decline: fn(M, Time) -> Step<M, T>,
    kdc: &K,
    clock: &Clock,
) -> Result<T, TicketError> {
    loop {
        step = match step? {
            ExchangeStep::Complete(ticket) => return Ok(*ticket),
            ExchangeStep::NeedsAnswer(next, _) => decline(next, clock.now()),
            ExchangeStep::NeedsKdc(next, request) => reply(next, &kdc.exchange(&request).await?, clock.now()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kdcs;
    use crate::driver::NoKdc;
    use handfast::crypto::OsRandom;
    use handfast::krb5::exchange::{ClientSecret, ExchangeError, KdcRequest, TicketOptions};
    use std::sync::{Arc, Mutex};

    fn login() -> Login {
        let password = ClientSecret::Password(Secret::new(b"pencil".to_vec()));
        Login::new("alice@R".parse().unwrap(), password, TicketOptions::default(), Arc::new(OsRandom))
    }

    #[::tokio::test]
    async fn without_a_kdc_there_is_no_ticket() {
        let clock = Clock::system();
        for error in [log_in(login(), &NoKdc, &clock).await, log_in(login(), &Kdcs::new(), &clock).await] {
            let error = error.unwrap_err();
            assert!(matches!(&error, TicketError::Unreachable(unreachable) if unreachable.realm == "R"), "{error}");
        }
    }

    #[::tokio::test]
    async fn the_request_goes_to_the_clients_realm_and_what_comes_back_is_judged() {
        let asked = Mutex::new(Vec::new());
        let kdc = |request: &KdcRequest| {
            asked.lock().unwrap().push(request.clone());
            std::future::ready(Ok(b"no Kerberos message".to_vec()))
        };
        let clock = Clock::system();
        let login = log_in(login(), &kdc, &clock);
        fn is_send<T: Send>(value: T) -> T {
            value
        }
        let error = is_send(login).await.unwrap_err();
        assert!(
            matches!(&error, TicketError::Exchange(exchange) if matches!(**exchange, ExchangeError::Decode(_))),
            "{error}"
        );
        let asked = asked.into_inner().unwrap();
        assert_eq!((asked.len(), asked[0].realm.as_str(), asked[0].bytes[0]), (1, "R", 0x6a));
    }
}
