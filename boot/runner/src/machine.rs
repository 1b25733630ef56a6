//! One run of QEMU: started, watched, judged.

use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use jacinth_abi::ExitCode;

use crate::arch::Arch;
use crate::console::Console;
use crate::failure::{Failure, UNAVAILABLE};
use crate::terminal::{self, Mood};

/// The pause between two looks at a QEMU that has closed its console.
const POLL: Duration = Duration::from_millis(2);

/// How long the console is forwarded before the next look at the debugger.
const GDB_POLL: Duration = Duration::from_millis(100);
/// How long a machine may go on after its debugger.
const AFTER_GDB: Duration = Duration::from_secs(2);

/// A QEMU that ends when this value goes.
struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        // An error means that it has ended already, which is all that is wanted.
        if self.0.kill().is_ok() {
            self.0.wait().ok();
        }
    }
}

/// How QEMU came to its end.
enum End {
    Exited(ExitStatus),
    TimedOut,
}

/// Runs QEMU until it ends or its time is up, and returns the verdict.
pub(crate) fn run(
    arch: Arch,
    command: Command,
    timeout: Option<Duration>,
    console: &mut Console<'_>,
) -> Result<ExitCode, Failure> {
    let (mut guest, serial) = start(arch, command)?;
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let end = watch(&mut guest, &serial, deadline, console);
    console.finish();
    Ok(judge(arch, &end, console))
}

/// Runs QEMU without a time limit next to a debugger, if there is one, and returns the verdict.
///
/// The machine ends soon after the debugger: nobody is left who could tell it to go on.
pub(crate) fn debug(
    arch: Arch,
    mut command: Command,
    debugger: Option<Command>,
    console: &mut Console<'_>,
) -> Result<ExitCode, Failure> {
    if debugger.is_some() {
        // Control-C is for the debugger; the script made this program deaf to it.
        command.process_group(0);
    }
    let (mut guest, serial) = start(arch, command)?;
    let Some(mut debugger) = debugger else {
        let end = watch(&mut guest, &serial, None, console);
        console.finish();
        return Ok(judge(arch, &end, console));
    };
    let failed = |error| Failure::new(UNAVAILABLE, format!("gdb: {error}"));
    let mut debugger = debugger.spawn().map_err(failed)?;
    let end = loop {
        let is_done = debugger.try_wait().map_err(failed)?.is_some();
        let patience = if is_done { AFTER_GDB } else { GDB_POLL };
        let end = watch(
            &mut guest,
            &serial,
            Some(Instant::now() + patience),
            console,
        );
        if is_done || matches!(end, End::Exited(_)) {
            break end;
        }
    };
    console.finish();
    debugger.wait().map_err(failed)?;
    Ok(judge(arch, &end, console))
}

fn start(arch: Arch, mut command: Command) -> Result<(Guest, Receiver<Vec<u8>>), Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| {
        let text = format!("{} does not start: {error}", arch.qemu());
        Failure::new(UNAVAILABLE, text)
    })?;
    let serial = child.stdout.take();
    let serial = serial.expect("standard output was asked for as a pipe");
    Ok((Guest(child), read_in_background(serial)))
}

fn judge(arch: Arch, end: &End, console: &Console<'_>) -> ExitCode {
    match end {
        End::TimedOut => ExitCode::TimedOut,
        End::Exited(status) => verdict(arch, status.code(), console.has_output()),
    }
}

/// Forwards the console until QEMU is gone or the deadline passes.
fn watch(
    guest: &mut Guest,
    serial: &Receiver<Vec<u8>>,
    deadline: Option<Instant>,
    console: &mut Console<'_>,
) -> End {
    let left = || {
        deadline.map_or(Duration::from_secs(3600), |deadline| {
            deadline.saturating_duration_since(Instant::now())
        })
    };
    let is_over = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
    loop {
        match serial.recv_timeout(left()) {
            Ok(bytes) => console.push(&bytes),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if is_over() {
            return End::TimedOut;
        }
    }
    loop {
        match guest.0.try_wait() {
            Ok(Some(status)) => return End::Exited(status),
            _ if is_over() => return End::TimedOut,
            _ => thread::sleep(POLL),
        }
    }
}

/// Reads the console in a thread of its own, because a read cannot have a deadline.
fn read_in_background(mut serial: ChildStdout) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = serial.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Turns QEMU's exit status into the guest's code.
///
/// `isa-debug-exit` makes 2·code + 1 of it, so that 1 means both "code 0" and "QEMU did not even
/// start"; semihosting passes the code as it is, and 1 is ambiguous again. A guest that said
/// nothing did not run.
fn verdict(arch: Arch, status: Option<i32>, has_output: bool) -> ExitCode {
    let code = match (arch, status) {
        (_, None) => None,
        (Arch::X86_64, Some(status)) if status % 2 == 1 => u8::try_from(status / 2).ok(),
        (Arch::X86_64, Some(_)) => None,
        (Arch::Aarch64, Some(status)) => u8::try_from(status).ok(),
    };
    let code = code.filter(|_| has_output);
    code.and_then(ExitCode::from_number)
        .unwrap_or(ExitCode::NoVerdict)
}

/// Says in one line how it went, and whether QEMU saw the guest do wrong things.
pub(crate) fn report(code: ExitCode, took: Duration, command: &str, qemu_log: &std::path::Path) {
    let seconds = took.as_secs_f32();
    let text = match code {
        ExitCode::Init(0) => {
            return report_log(
                qemu_log,
                &format!("init returned 0 ({seconds:.2} s)"),
                Mood::Good,
            );
        }
        ExitCode::Init(code) => format!("init returned {code}"),
        ExitCode::Usage => "the guest ended with the code for wrong usage".into(),
        ExitCode::InitOutOfRange => "init returned a code outside 0 to 63".into(),
        ExitCode::InitKilled => "init was killed by an exception".into(),
        ExitCode::BootFailed => "the kernel could not start init".into(),
        ExitCode::TimedOut => "time ran out (--timeout)".into(),
        ExitCode::NoVerdict => "QEMU ended by itself".into(),
        ExitCode::KernelPanic => "the kernel panicked".into(),
    };
    report_log(
        qemu_log,
        &format!("{text} ({seconds:.2} s), exit status {}", code.number()),
        Mood::Bad,
    );
    if code == ExitCode::NoVerdict {
        terminal::note(&format!("it was started as: {command}"));
    }
}

fn report_log(qemu_log: &std::path::Path, text: &str, mood: Mood) {
    terminal::verdict(mood, text);
    if fs::metadata(qemu_log).is_ok_and(|log| log.len() > 0) {
        let text = format!(
            "QEMU saw the guest do something wrong: {}",
            qemu_log.display()
        );
        terminal::verdict(Mood::Bad, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_statuses_become_codes() {
        let x86 = |status| verdict(Arch::X86_64, status, true);
        assert_eq!(x86(Some(1)), ExitCode::Init(0));
        assert_eq!(x86(Some(7)), ExitCode::Init(3));
        assert_eq!(x86(Some(203)), ExitCode::KernelPanic);
        assert_eq!(x86(Some(0)), ExitCode::NoVerdict, "reset or power-off");
        assert_eq!(x86(None), ExitCode::NoVerdict, "killed by a signal");
        let arm = |status| verdict(Arch::Aarch64, status, true);
        assert_eq!(arm(Some(0)), ExitCode::Init(0));
        assert_eq!(arm(Some(97)), ExitCode::InitKilled);
        assert_eq!(arm(Some(80)), ExitCode::NoVerdict);
    }

    #[test]
    fn a_silent_guest_has_no_verdict() {
        for arch in Arch::ALL {
            assert_eq!(verdict(arch, Some(1), false), ExitCode::NoVerdict);
        }
    }
}
