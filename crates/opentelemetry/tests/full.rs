//! A service whose disk is full for a time: it is told once, spans are dropped and counted meanwhile, and
//! when there is room again they are stored again, by the exporter alone. The program starts itself as a
//! process whose files have a limit (`RLIMIT_FSIZE`), which only Unix has.

#![expect(clippy::unwrap_used, reason = "a test without harness")]

#[cfg(all(test, unix))]
#[path = "../../../tests/support/file_limit.rs"]
mod file_limit;
#[cfg(all(test, unix))]
#[path = "full/limited.rs"]
mod limited;

fn main() {
    #[cfg(unix)]
    {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        match arguments.as_slice() {
            [role, path] if role == file_limit::ARGUMENT => limited::run(path.as_ref()),
            _ => file_limit::start(&[]),
        }
    }
}
