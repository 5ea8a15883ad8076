//! DuckDB, in a Python process of its own that is kept from question to question. Invariant: a time
//! is that of one statement within that process, without the pipes.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// The version that is installed: another one may choose other plans.
const VERSION: &str = "2.0.0";
const DRIVER: &str = include_str!("driver.py");

/// A connection.
pub(crate) struct Duck {
    child: Child,
    statements: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// The first row of an answer, and how long it took.
pub(crate) struct Answer {
    pub(crate) time: Duration,
    pub(crate) values: Vec<String>,
}

impl Duck {
    /// Opens the database `file`, with DuckDB in a virtual environment under `folder`, which is made
    /// where it is not there.
    pub(crate) fn open(folder: &Path, file: &Path) -> Result<Self, Box<dyn Error>> {
        let environment = folder.join("python");
        let python = environment.join("bin/python");
        let has = Command::new(&python)
            .args(["-c", &format!("import duckdb; assert duckdb.__version__ == '{VERSION}'")])
            .stderr(Stdio::null())
            .status();
        if !has.is_ok_and(|status| status.success()) {
            run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
            let package = format!("duckdb=={VERSION}");
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet", &package]))?;
        }
        let mut child = Command::new(&python)
            .args(["-c", DRIVER])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let statements = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().ok_or("the process has no output")?);
        Ok(Self { child, statements, answers })
    }

    /// Runs one statement.
    pub(crate) fn run(&mut self, statement: &str) -> Result<Answer, Box<dyn Error>> {
        let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        let statements = self.statements.as_mut().ok_or("the process has no input")?;
        writeln!(statements, "{line}")?;
        statements.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let mut words = answer.trim_end_matches('\n').split('\t');
        match words.next() {
            Some("error") => Err(format!("{}\nin {line}", words.collect::<String>()).into()),
            first => {
                let time = Duration::from_nanos(first.unwrap_or_default().parse()?);
                Ok(Answer { time, values: words.map(str::to_owned).collect() })
            }
        }
    }
}

impl Answer {
    /// The first value.
    pub(crate) fn number(&self) -> Result<u64, Box<dyn Error>> {
        Ok(self.values.first().ok_or("no value")?.parse()?)
    }
}

impl Drop for Duck {
    /// Ends the process: it ends with its input.
    fn drop(&mut self) {
        drop(self.statements.take());
        // Nobody is left to be told.
        let _ended = self.child.wait();
    }
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let status = command.stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}
