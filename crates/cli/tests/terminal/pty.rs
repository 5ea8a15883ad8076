//! A program on a terminal of its own, and the screen that its user sees. Invariant: nothing waits for
//! a time, only for what the screen shows; a program that never shows it fails the test.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rexpect::process::{PtyProcess, WaitStatus};

use crate::home::Home;

/// Rows of the screen: enough that nothing scrolls away.
const ROWS: u16 = 200;

/// When a program that shows nothing more is taken for stuck.
const STUCK: Duration = Duration::from_secs(120);

pub(crate) struct Terminal {
    keyboard: File,
    shown: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// All that the program wrote.
    pub(crate) bytes: Vec<u8>,
    /// Ends the program when dropped.
    process: PtyProcess,
}

impl Terminal {
    /// Runs `treering` with `args` on a terminal `columns` wide.
    pub(crate) fn run(home: &Home, columns: u16, args: &[&str]) -> Self {
        Self::run_with(home, columns, args, |_| {})
    }

    /// As [`Terminal::run`], with more of an environment.
    pub(crate) fn run_with(
        home: &Home,
        columns: u16,
        args: &[&str],
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let mut command = home.program("sh");
        let size = format!("stty rows {ROWS} columns {columns} echo && exec \"$@\"");
        command.args(["-c", &size, "sh", env!("CARGO_BIN_EXE_treering")]).args(args);
        change(&mut command);
        let process = PtyProcess::new(command).unwrap();
        let keyboard = process.get_file_handle().unwrap();
        let mut from = process.get_file_handle().unwrap();
        let (send, shown) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // A terminal whose program has ended is an error on some systems, an end on others.
            while let Ok(read) = from.read(&mut buffer) {
                if read == 0 || send.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let size = [ROWS, columns].map(|size| NonZero::new(size).unwrap());
        let screen = vt100::Parser::new(size[0], size[1], 0);
        Self { keyboard, shown, screen, bytes: Vec::new(), process }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// What is on the screen, without blanks at the ends.
    pub(crate) fn screen(&self) -> String {
        let rows = self.screen.screen().contents();
        let rows: Vec<&str> = rows.lines().map(str::trim_end).collect();
        rows.join("\n").trim_end().to_owned()
    }

    /// Takes in what the program shows for a moment; false at its end.
    pub(crate) fn look(&mut self, moment: Duration) -> bool {
        match self.shown.recv_timeout(moment) {
            Ok(bytes) => {
                self.screen.process(&bytes);
                self.bytes.extend(bytes);
                true
            }
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => false,
        }
    }

    /// Waits until the screen ends with `end`.
    #[track_caller]
    pub(crate) fn until(&mut self, end: &str) {
        self.until_shown(end, |screen| screen.ends_with(end));
    }

    #[track_caller]
    pub(crate) fn until_shown(&mut self, what: &str, is_there: impl Fn(&str) -> bool) {
        let started = Instant::now();
        while !is_there(&self.screen()) {
            let goes_on = self.look(Duration::from_millis(20));
            let stuck = started.elapsed() > STUCK || (!goes_on && !is_there(&self.screen()));
            assert!(!stuck, "the screen does not show {what:?}:\n{}", self.screen());
        }
    }

    /// The screen when the program has ended, and its exit status; none where a signal ended it.
    #[track_caller]
    pub(crate) fn end_with_status(mut self) -> (String, Option<i32>) {
        self.until_end();
        let status = match self.process.wait().unwrap() {
            WaitStatus::Exited(_, status) => Some(status),
            _ => None,
        };
        (self.screen(), status)
    }

    /// The screen when the program has ended.
    #[track_caller]
    pub(crate) fn end(mut self) -> (String, Vec<u8>) {
        self.until_end();
        (self.screen(), self.bytes)
    }

    #[track_caller]
    fn until_end(&mut self) {
        let started = Instant::now();
        while self.look(Duration::from_millis(20)) {
            assert!(started.elapsed() < STUCK, "the program goes on:\n{}", self.screen());
        }
    }
}
