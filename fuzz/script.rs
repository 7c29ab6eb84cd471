//! Bytes that decide what happens. At their end every decision is 0.

use arbitrary::Unstructured;

pub(crate) struct Script<'a>(Unstructured<'a>);

impl<'a> Script<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or_default()
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u8) -> u8 {
        self.byte() % limit.max(1)
    }

    /// One of the list, at the end of the script the first; `None` of an empty one.
    pub(crate) fn choose<T: Copy>(&mut self, list: &[T]) -> Option<T> {
        let at = usize::from(self.byte()).checked_rem(list.len())?;
        list.get(at).copied()
    }

    /// The next bytes, as many as there are at most.
    pub(crate) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let size = most.min(self.0.len());
        self.0.bytes(size).unwrap_or_default()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}
