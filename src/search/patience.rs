//! How long a thread looks for what it waits for before it sleeps: about as long as it takes to be
//! woken, so that waiting costs at most twice what it has to. That is some 30 microseconds on the
//! processor that it was measured on, where a pause takes 50 nanoseconds.

/// Looks, and pauses between two of them.
const LOOKS: u32 = 40;
const LOOK_PAUSES: u32 = 16;

/// What is left of it.
#[derive(Debug)]
pub(super) struct Patience {
    looks: u32,
}

impl Patience {
    /// All of it.
    pub(super) fn new() -> Self {
        Self { looks: LOOKS }
    }

    /// Uses some up; false where none is left.
    pub(super) fn spend(&mut self) -> bool {
        let Some(left) = self.looks.checked_sub(1) else { return false };
        self.looks = left;
        true
    }

    /// What is done between two looks.
    pub(super) fn pause() {
        (0..LOOK_PAUSES).for_each(|_| std::hint::spin_loop());
    }
}
