//! `handfast serve` and `handfast connect` with the framing of MIT's samples.

use crate::support::World;

#[test]
fn messages_are_sealed_and_their_signatures_checked() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --framing gss-sample");
    let connect = format!("connect localhost:{} --framing gss-sample", server.port());
    let ended = world.run(&format!("{connect} --message one --message two")).ok();
    assert_eq!(ended.stdout.matches("3 bytes sent sealed; the server's signature of them is right").count(), 2);
    assert_eq!(server.event("proven")["peer"], "alice@A.TEST");
    for text in ["one", "two"] {
        let message = server.event("message");
        assert_eq!((&message["message"], &message["protection"]), (&text.into(), &"sealed".into()));
    }
    assert_eq!(server.event("closed")["received"], 6);
    let ended = world.run_with(&format!("{connect} --json"), "a line\nand another").ok();
    assert_eq!(ended.stdout.lines().count(), 2);
    assert_eq!(server.event("message")["message"], "a line");
}

#[test]
fn messages_that_are_signed_only_are_taken_where_both_ends_say_so() {
    let (world, _kdc) = World::with_alice();
    let strict = world.start("serve --listen 127.0.0.1:0 --framing gss-sample");
    let signed = world.start("serve --listen 127.0.0.1:0 --framing gss-sample --integrity-only");
    for how in ["--sign", "--integrity-only"] {
        let connect =
            |port: &str| world.run(&format!("connect localhost:{port} --framing gss-sample {how} --message x"));
        connect(signed.port()).ok();
        assert_eq!(signed.event("message")["protection"], "signed");
        assert_ne!(connect(strict.port()).code, 0);
        // What is offered is seen before the context is there, what is done with it only after.
        let end = strict.event_of(&["refused", "closed"]);
        let name = if how == "--sign" { "outcome" } else { "class" };
        assert_eq!(end[name], "peer-refused", "{end}");
    }
}

#[test]
fn the_other_framing_is_noticed() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --framing gss-sample --handshake-time 2s");
    let connect = format!("connect localhost:{} --message x --timeout 2s", server.port());
    world.run(&connect).failed(7, "--framing");
    assert_eq!(server.event("refused")["class"], "connection");
}
