//! A service of one's own, and how it is tested: it answers every line with who sent it and the line.
//!
//! The service and its client know nothing of the testkit: they read and write a connection, and ask a KDC through a
//! function. `cargo test --example echo_service` runs the tests below; `cargo run --example echo_service` shows one call.

use handfast::krb5::exchange::{KdcRequest, KdcUnreachable};
use handfast::{Accept, Acceptor, Context, Credential, Initiate, Initiator, ServiceName, Time};
use handfast_testkit::{Party, Pipe, Testkit, handfast};
use std::io::{self, Read, Write};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The longest token or message that either end takes, in bytes.
const LIMIT: usize = 1 << 20;

/// Tokens and sealed lines travel behind their length, four bytes, most significant first.
fn write_frame(stream: &mut impl Write, frame: &[u8]) -> Result<()> {
    stream.write_all(&u32::try_from(frame.len())?.to_be_bytes())?;
    Ok(stream.write_all(frame)?)
}

fn read_frame(stream: &mut impl Read) -> Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length))?;
    if length > LIMIT {
        return Err(format!("a frame of {length} bytes; the limit is {LIMIT}").into());
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame)?;
    Ok(frame)
}

/// The service: one client, until it hangs up.
fn serve(mut stream: impl Read + Write, acceptor: &Acceptor, now: Time) -> Result<()> {
    let mut context = accept(&mut stream, acceptor, now)?;
    let client = context.peer().to_string();
    loop {
        let mut frame = match read_frame(&mut stream) {
            Err(error) if error.downcast_ref().map(io::Error::kind) == Some(io::ErrorKind::UnexpectedEof) => {
                return Ok(());
            }
            frame => frame?,
        };
        let line = String::from_utf8_lossy(context.unseal(&mut frame)?).into_owned();
        let mut answer = Vec::new();
        context.seal(format!("{client}: {line}").as_bytes(), &mut answer)?;
        write_frame(&mut stream, &answer)?;
    }
}

fn accept(stream: &mut (impl Read + Write), acceptor: &Acceptor, now: Time) -> Result<Context> {
    let mut step = Accept::NeedsToken(acceptor.session().begin());
    loop {
        let mut out = Vec::new();
        let next = match step {
            Accept::NeedsToken(next) => next.step(&read_frame(stream)?, now, &mut out),
            Accept::NeedsAnswer(next) => next.decline(now, &mut out),
            Accept::Complete(context) => return Ok(context),
            _ => return Err("Kerberos tokens only".into()),
        };
        // What is here is sent, even when the call failed: the client learns that it was refused.
        if !out.is_empty() {
            write_frame(stream, &out)?;
        }
        step = next?;
    }
}

/// The client: a connection whose service has proven itself.
struct EchoClient<S> {
    stream: S,
    context: Context,
}

impl<S: Read + Write> EchoClient<S> {
    fn connect(
        mut stream: S,
        initiator: &Initiator,
        target: &ServiceName,
        credential: &Credential,
        kdc: impl Fn(&KdcRequest) -> std::result::Result<Vec<u8>, KdcUnreachable>,
        now: Time,
    ) -> Result<Self> {
        let mut out = Vec::new();
        let mut step = initiator.to(target).credential(credential).begin(now, &mut out)?;
        loop {
            if !out.is_empty() {
                write_frame(&mut stream, &std::mem::take(&mut out))?;
            }
            step = match step {
                Initiate::NeedsToken(next) => next.step(&read_frame(&mut stream)?, now, &mut out)?,
                Initiate::NeedsKdc(next) => match kdc(next.request()) {
                    Ok(reply) => next.reply(&reply, now, &mut out)?,
                    Err(tried) => next.unreachable(tried, now, &mut out)?,
                },
                Initiate::NeedsAnswer(next) => next.decline(now, &mut out)?,
                Initiate::Complete(context) => return Ok(EchoClient { stream, context }),
            };
        }
    }

    fn call(&mut self, line: &str) -> Result<String> {
        let mut frame = Vec::new();
        self.context.seal(line.as_bytes(), &mut frame)?;
        write_frame(&mut self.stream, &frame)?;
        let mut answer = read_frame(&mut self.stream)?;
        Ok(String::from_utf8_lossy(self.context.unseal(&mut answer)?).into_owned())
    }
}

const ECHO: &str = "echo/host.example.com";

/// A realm with one user and the service, and the service on a thread behind one end of a pipe.
fn start(kit: &Testkit) -> (Pipe, std::thread::JoinHandle<Result<()>>) {
    kit.user("alice", "correct horse");
    kit.service(ECHO);
    let (ours, theirs) = Pipe::pair();
    // Frames must be put together from whatever a read gives.
    ours.limit_reads(7);
    theirs.limit_reads(5);
    let (acceptor, now) = (kit.acceptor(ECHO), kit.now(Party::Acceptor));
    (ours, std::thread::spawn(move || serve(theirs, &acceptor, now)))
}

fn connect(kit: &Testkit, pipe: Pipe, credential: &Credential) -> Result<EchoClient<Pipe>> {
    let now = kit.now(Party::Initiator);
    EchoClient::connect(pipe, &kit.initiator(), &ECHO.parse()?, credential, |request| kit.exchange(request), now)
}

fn main() -> Result<()> {
    let kit = Testkit::new("EXAMPLE.COM");
    let (pipe, server) = start(&kit);
    let mut client = connect(&kit, pipe, &kit.credential("alice"))?;
    println!("{}", client.call("hello")?);
    drop(client);
    server.join().map_err(|_| "the service panicked")?
}

#[cfg(test)]
mod tests {
    use super::*;
    use handfast::Principal;

    #[test]
    fn lines_come_back_with_the_name_of_the_sender() {
        let kit = Testkit::new("EXAMPLE.COM");
        let (pipe, server) = start(&kit);
        let mut client = connect(&kit, pipe, &kit.credential("alice")).unwrap();
        assert_eq!(client.call("hello").unwrap(), "alice@EXAMPLE.COM: hello");
        assert_eq!(client.call("").unwrap(), "alice@EXAMPLE.COM: ");
        drop(client);
        server.join().unwrap().unwrap();
    }

    #[test]
    fn a_wrong_password_reaches_no_service() {
        let kit = Testkit::new("EXAMPLE.COM");
        let (pipe, server) = start(&kit);
        let wrong = Credential::password("alice@EXAMPLE.COM".parse::<Principal>().unwrap(), "battery staple");
        let error = connect(&kit, pipe, &wrong).err().unwrap();
        assert!(error.to_string().contains("password is wrong"), "{error}");
        server.join().unwrap().unwrap_err();
    }

    #[test]
    fn a_service_whose_clock_is_wrong_says_so() {
        let kit = Testkit::new("EXAMPLE.COM");
        kit.clock().skew(Party::Acceptor, 3600);
        let (pipe, server) = start(&kit);
        connect(&kit, pipe, &kit.credential("alice")).err().unwrap();
        let error = server.join().unwrap().unwrap_err();
        assert!(error.to_string().contains("-3600 seconds"), "{error}");
    }

    #[test]
    fn nonsense_on_the_connection_ends_it() {
        let kit = Testkit::new("EXAMPLE.COM");
        let (mut pipe, server) = start(&kit);
        pipe.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let error = server.join().unwrap().unwrap_err();
        assert!(error.to_string().contains("the limit is"), "{error}");
    }
}
