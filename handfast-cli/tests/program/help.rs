//! The help, and what a wrong command line is told.

use crate::support::World;

pub(crate) const COMMANDS: [&str; 31] = [
    "login",
    "get",
    "list",
    "switch",
    "logout",
    "passwd",
    "keytab",
    "keytab list",
    "keytab add",
    "keytab derive",
    "keytab remove",
    "keytab merge",
    "serve",
    "connect",
    "decode",
    "doctor",
    "realm",
    "realm init",
    "realm add-user",
    "realm add-service",
    "realm list",
    "realm show",
    "realm modify",
    "realm alias",
    "realm remove",
    "realm set-password",
    "realm export-keytab",
    "realm trust",
    "realm settings",
    "realm config",
    "realm serve",
];

#[test]
fn the_help_tells_what_it_is_for_with_examples_exit_codes_and_files() {
    let help = World::new().run("--help").ok().stdout;
    let mut after = 0;
    for part in ["Two programs, one connection", "Usage: handfast", "handfast realm init", "Exit codes:", "KRB5CCNAME"]
    {
        let at = help[after..].find(part).unwrap_or_else(|| panic!("{part} is not in its place in {help}"));
        after += at;
    }
    for code in 0..=8 {
        assert!(help.contains(&format!("\n  {code}  ")), "exit code {code}");
    }
}

#[test]
fn every_command_has_help_that_fits_the_terminal() {
    let world = World::new();
    for command in COMMANDS {
        for width in [80, 100, 300] {
            let help = world.run_wide(width, &format!("{command} --help")).ok().stdout;
            assert!(help.contains(&format!("Usage: handfast {command}")), "{command}: {help}");
            let lines = help.lines().filter(|line| !line.starts_with("Usage: "));
            assert_eq!(lines.clone().find(|line| line.chars().count() > width.min(110)), None, "{command}");
            // A line of an example that was wrapped where no shell would go on begins as the one before.
            let torn = lines.clone().zip(lines.skip(1)).find(|(line, next)| {
                let is_example = line.starts_with("  handfast ") && !line.ends_with(['\\', '&']);
                is_example && next.starts_with("  ") && !next.starts_with("   ") && !next.contains("handfast")
            });
            assert_eq!(torn, None, "{command}");
        }
    }
}

#[test]
fn the_version_is_told() {
    assert_eq!(World::new().run("--version").ok().stdout, format!("handfast {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let world = World::with_realm();
    for line in [
        "",
        "dance",
        "list --cache",
        "login --lifetime soon alice",
        "login --renew alice",
        "serve",
        "serve --listen nowhere",
        "connect",
        "decode --input morse",
        "connect localhost",
        "serve --listen 127.0.0.1:0 --forward nowhere",
        "serve --listen 127.0.0.1:0 --forward a:1 --echo",
        "serve --listen 127.0.0.1:0 --echo --proxy-protocol v2",
        "serve --listen 127.0.0.1:0 --echo --dangerous-ntlm",
        "serve --listen 127.0.0.1:0 --echo --accounts file",
        "serve --listen 127.0.0.1:0 --echo --allow-account A\\b",
        "serve --listen 127.0.0.1:0 --echo --kdc 127.0.0.1:0",
        "list --check --keytab keytab",
    ] {
        let ended = world.run(line);
        assert_eq!(ended.code, 2, "{line}: {ended:?}");
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{line}");
    }
    world
        .run("connect localhost:1 --listen 127.0.0.1:0 --framing gss-sample")
        .failed(2, "--listen is for --framing nns");
    world.run("connect localhost:1 --service nothing").failed(2, "no host");
    world.run("connect localhost:1 --sign").failed(2, "--sign is for --framing gss-sample");
    world.run("realm add-user bob@OTHER.TEST --password-stdin").failed(2, "not of the realm A.TEST");
    world.run("realm add-user a@b@c --password-stdin").failed(2, "has two '@'");
}

#[test]
fn a_password_that_nobody_can_be_asked_for_is_named_with_its_remedy() {
    let world = World::with_realm();
    world.run("realm add-user bob").failed(2, "no terminal").failed(2, "--password-stdin");
    world.run("realm add-user bob --password-stdin").failed(2, "the password is empty");
    world.run("realm add-user bob --password-file nothing").failed(8, "nothing: No such file");
}

#[test]
fn errors_are_objects_when_json_is_wanted() {
    let ended = World::new().run("--json list");
    let error: serde_json::Value = serde_json::from_str(ended.stderr.trim()).unwrap();
    assert_eq!((ended.code, &error["exit"], &error["class"]), (3, &3.into(), &"no-credentials".into()));
    assert!(error["error"].as_str().unwrap().contains("cc") && error["next"].is_string(), "{error}");
}
