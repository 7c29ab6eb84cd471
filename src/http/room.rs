//! Room for the bodies that the calls of a worker hold in the module's memory, all of them together.
//!
//! A virtual machine that needs more memory than it can have dies, and every stream of its worker with it. So whoever keeps
//! bytes beyond the event that brought them takes a share for them first. Invariant: what was taken is given back when
//! its share is dropped, whatever way leads there.

use std::cell::Cell;
use std::ops::Deref;
use std::rc::Rc;

/// How much may be held, and how much is.
#[derive(Clone, Debug)]
pub struct Room {
    limit: usize,
    taken: Rc<Cell<usize>>,
}

/// What one body has of the room.
#[derive(Debug)]
pub struct Share {
    room: Room,
    size: usize,
}

/// Bytes that are held, and their share.
#[derive(Debug)]
pub struct Held {
    bytes: Vec<u8>,
    _share: Share,
}

impl Room {
    /// Room for `limit` bytes, of which so many are `taken`: by all calls of the virtual machine, under whatever
    /// configuration they began.
    pub const fn new(limit: usize, taken: Rc<Cell<usize>>) -> Self {
        Self { limit, taken }
    }

    /// A share for what its call cannot do without.
    pub fn needed(&self) -> Share {
        self.share(self.limit)
    }

    /// A share for what can be left out: it grows only while all that is held, with it, takes no more than half of the room.
    pub fn spare(&self) -> Share {
        self.share(self.limit / 2)
    }

    /// Whether there is room for so many bytes at this moment.
    pub fn has(&self, size: usize) -> bool {
        fits(self.limit, self.taken.get(), size)
    }

    /// How many bytes are held.
    pub fn taken(&self) -> usize {
        self.taken.get()
    }

    /// Holds another form of what is held already: it was let in, so it is only counted.
    pub fn keep(&self, bytes: Vec<u8>) -> Rc<Held> {
        let mut share = self.needed();
        share.set(bytes.capacity());
        Rc::new(Held {
            bytes,
            _share: share,
        })
    }

    fn share(&self, limit: usize) -> Share {
        let taken = Rc::clone(&self.taken);
        let room = Self { limit, taken };
        Share { room, size: 0 }
    }
}

impl Share {
    /// Makes the share so large, if there is room for it.
    #[must_use]
    pub fn grow(&mut self, size: usize) -> bool {
        let others = self.room.taken.get().saturating_sub(self.size);
        let is_granted = size <= self.size || fits(self.room.limit, others, size);
        if is_granted {
            self.set(size);
        }
        is_granted
    }

    /// Makes it so large whatever else is held.
    pub fn set(&mut self, size: usize) {
        let others = self.room.taken.get().saturating_sub(self.size);
        self.room.taken.set(others.saturating_add(size));
        self.size = size;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body that is alone always fits: it has a limit of its own.
fn fits(limit: usize, others: usize, size: usize) -> bool {
    others == 0 || others.saturating_add(size) <= limit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(limit: usize) -> (Room, Rc<Cell<usize>>) {
        let taken = Rc::default();
        (Room::new(limit, Rc::clone(&taken)), taken)
    }

    #[test]
    fn what_is_taken_never_exceeds_the_room_and_is_given_back() {
        let (room, taken) = room(10);
        let (mut one, mut two) = (room.needed(), room.needed());
        assert!(one.grow(6) && two.grow(4) && !two.grow(5));
        assert_eq!(taken.get(), 10, "a refusal takes nothing");
        drop(one);
        assert!(two.grow(10) && !room.has(1));
        drop(two);
        assert_eq!(taken.get(), 0);
    }

    #[test]
    fn a_body_that_is_alone_always_fits() {
        let (room, taken) = room(10);
        assert!(room.has(1000));
        let mut alone = room.needed();
        assert!(alone.grow(4) && alone.grow(1000));
        let mut other = room.needed();
        assert!(!other.grow(1) && !room.has(1));
        drop(alone);
        assert!(other.grow(1));
        assert_eq!(taken.get(), 1);
    }

    #[test]
    fn what_can_be_left_out_leaves_half_of_the_room() {
        let (room, _) = room(10);
        let (mut kept, mut payload) = (room.spare(), room.spare());
        assert!(kept.grow(4) && payload.grow(1) && !payload.grow(2));
        assert!(room.needed().grow(5) && !room.needed().grow(6));
    }

    #[test]
    fn another_form_of_what_is_held_is_counted_and_not_refused() {
        let (room, taken) = room(10);
        let mut body = room.needed();
        assert!(body.grow(10));
        let written = room.keep(vec![7; 8]);
        assert_eq!((taken.get(), &written[..]), (18, &[7; 8][..]));
        drop(body);
        assert!(!room.has(3) && room.has(2));
        drop(Rc::clone(&written));
        assert_eq!(taken.get(), 8);
        drop(written);
        assert_eq!(taken.get(), 0);
    }
}
