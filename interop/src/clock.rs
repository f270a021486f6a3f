use std::process::Command;

/// Runs a program by a clock that is so many seconds ahead of the system's: Debian's `libfaketime` shows it. Where that is missing the
/// clock is the system's, and tests that want another fail.
pub fn by_clock(command: &mut Command, seconds_ahead: i64) {
    command.env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketime.so.1");
    command.env("FAKETIME", format!("{seconds_ahead:+}")).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
}
