//! A file that may not grow any more, as on a full disk: what was acknowledged can be read all the time,
//! and once there is room again the store takes spans again without being closed. The program starts
//! itself as a process whose files have a limit (`RLIMIT_FSIZE`), which only Unix has.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test without harness, which prints what it found"
)]

#[cfg(all(test, unix))]
#[path = "support/file_limit.rs"]
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
            _ => limited::start(),
        }
    }
}
