//! Calls about what all virtual machines share.

use super::memory::Guest;
use super::{Done, Status};

/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

pub(super) fn log(guest: &Guest<'_, '_>, [level, text, size]: [u32; 3]) -> Done {
    let text = guest.read(text, size)?;
    let line = String::from_utf8_lossy(&text).into_owned();
    guest.platform().log.push((level, line));
    Ok(())
}

pub(super) fn now(guest: &mut Guest<'_, '_>, [time]: [u32; 1]) -> Done {
    let now = guest.platform().look();
    guest.write(time, &now.to_le_bytes())
}

/// As Envoy: the clock is the plugin's, also when a stream asks for it.
pub(super) fn set_tick_period(guest: &mut Guest<'_, '_>, [period]: [u32; 1]) -> Done {
    let now = guest.platform().now;
    let period = u64::from(period) * MILLISECOND;
    let root = guest.plugin()?;
    root.tick = (period > 0).then_some((period, now + period));
    Ok(())
}

pub(super) fn shared(
    guest: &mut Guest<'_, '_>,
    [key, key_size, value, value_size, version]: [u32; 5],
) -> Done {
    let key = guest.read(key, key_size)?;
    let (bytes, number) = guest.platform().shared(&key)?;
    guest.give(&bytes, (value, value_size))?;
    guest.write_number(version, number)
}

pub(super) fn set_shared(
    guest: &Guest<'_, '_>,
    [key, key_size, value, value_size, version]: [u32; 5],
) -> Done {
    let key = guest.read(key, key_size)?;
    let value = guest.read(value, value_size)?;
    Ok(guest.platform().set_shared(key, value, version)?)
}

pub(super) fn register_queue(guest: &mut Guest<'_, '_>, [name, size, id]: [u32; 3]) -> Done {
    let name = guest.read(name, size)?;
    guest.root()?;
    let reader = guest.state().place();
    let number = guest.platform().register_queue(name, reader);
    guest.write_number(id, number)
}

pub(super) fn resolve_queue(
    guest: &mut Guest<'_, '_>,
    [vm, vm_size, name, size, id]: [u32; 5],
) -> Done {
    let (vm, name) = (guest.read(vm, vm_size)?, guest.read(name, size)?);
    let number = guest.platform().resolve_queue(&vm, &name)?;
    guest.write_number(id, number)
}

pub(super) fn enqueue(guest: &Guest<'_, '_>, [id, message, size]: [u32; 3]) -> Done {
    let message = guest.read(message, size)?;
    Ok(guest.platform().enqueue(id, message)?)
}

pub(super) fn dequeue(guest: &mut Guest<'_, '_>, [id, message, size]: [u32; 3]) -> Done {
    let bytes = guest.platform().dequeue(id)?;
    guest.give(&bytes, (message, size))
}

pub(super) fn define_metric(guest: &mut Guest<'_, '_>, [kind, name, size, id]: [u32; 4]) -> Done {
    let name = guest.read(name, size)?;
    let number = guest.platform().define_metric(kind, name)?;
    guest.write_number(id, number)
}

/// Only a counter and a gauge can be incremented, a counter only up.
pub(super) fn increment(guest: &Guest<'_, '_>, id: u32, offset: i64) -> Done {
    let mut platform = guest.platform();
    let (kind, value) = platform.metric(id)?;
    let goes_down = kind == 0 && offset < 0;
    if kind == 2 || goes_down {
        return Err(Status::BAD_ARGUMENT.into());
    }
    *value = value.wrapping_add_signed(offset);
    Ok(())
}

/// A counter and a gauge are set; of a histogram the sum is kept.
pub(super) fn record(guest: &Guest<'_, '_>, id: u32, number: u64) -> Done {
    let mut platform = guest.platform();
    let (kind, value) = platform.metric(id)?;
    *value = if kind == 2 { *value + number } else { number };
    Ok(())
}
