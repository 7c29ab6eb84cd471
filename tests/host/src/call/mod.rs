//! The host calls of the ABI. Those that the module imports but that this host does not have say `Unimplemented`; any other
//! import keeps the module from loading.

mod map;
mod memory;
mod platform;
mod stream;
mod wasi;

use wasmi::{Caller, Error, Linker};

use self::memory::Guest;
use crate::abi::Status;
use crate::state::State;

/// Why a call was not made.
enum Refusal {
    Status(Status),
    Trap(Error),
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Trap(error)
    }
}

type Done = Result<(), Refusal>;

/// Makes the call, unless it is the one that is to fail.
fn answer<'a, 'b>(
    caller: &'a mut Caller<'b, State>,
    name: &'static str,
    call: impl FnOnce(&mut Guest<'a, 'b>) -> Done,
) -> Result<u32, Error> {
    let fault = caller.data().platform.borrow_mut().begin(name);
    if let Some(status) = fault {
        return Ok(status.0);
    }
    match call(&mut Guest(caller)) {
        Ok(()) => Ok(Status::OK.0),
        Err(Refusal::Status(status)) => Ok(status.0),
        Err(Refusal::Trap(error)) => Err(error),
    }
}

/// Offers calls whose arguments are all 32 bits wide.
macro_rules! offer {
    ($linker:expr, $($name:literal => $call:path, ($($argument:ident)*);)*) => {$(
        $linker.func_wrap("env", $name, |mut caller: Caller<'_, State>, $($argument: u32),*| {
            answer(&mut caller, $name, |guest| $call(guest, [$($argument),*]))
        })?;
    )*};
}

fn unimplemented<const N: usize>(_: &mut Guest<'_, '_>, _: [u32; N]) -> Done {
    Err(Status::UNIMPLEMENTED.into())
}

/// Everything that a module may import.
pub(crate) fn link(linker: &mut Linker<State>) -> Result<(), Error> {
    offer! { linker,
        "proxy_log" => platform::log, (level text size);
        "proxy_set_tick_period_milliseconds" => platform::set_tick_period, (period);
        "proxy_get_current_time_nanoseconds" => platform::now, (time);
        "proxy_get_shared_data" => platform::shared, (key key_size value value_size version);
        "proxy_set_shared_data" => platform::set_shared, (key key_size value value_size version);
        "proxy_register_shared_queue" => platform::register_queue, (name size id);
        "proxy_resolve_shared_queue" => platform::resolve_queue, (vm vm_size name size id);
        "proxy_enqueue_shared_queue" => platform::enqueue, (id message size);
        "proxy_dequeue_shared_queue" => platform::dequeue, (id message size);
        "proxy_define_metric" => platform::define_metric, (kind name size id);
        "proxy_get_header_map_pairs" => map::pairs, (kind map size);
        "proxy_set_header_map_pairs" => map::set_pairs, (kind map size);
        "proxy_get_header_map_value" => map::value, (kind name name_size value size);
        "proxy_add_header_map_value" => map::add, (kind name name_size value size);
        "proxy_replace_header_map_value" => map::replace, (kind name name_size value size);
        "proxy_remove_header_map_value" => map::remove, (kind name size);
        "proxy_get_buffer_bytes" => stream::buffer, (kind start length bytes size);
        "proxy_set_buffer_bytes" => stream::set_buffer, (kind start length bytes size);
        "proxy_get_property" => stream::property, (path path_size value size);
        "proxy_set_property" => stream::set_property, (path path_size value size);
        "proxy_continue_stream" => stream::resume, (kind);
        "proxy_send_local_response" => stream::reply,
            (status details details_size body body_size head head_size grpc_status);
        "proxy_http_call" => stream::call_out,
            (cluster cluster_size head head_size body body_size trailers trailers_size timeout token);
        "proxy_set_effective_context" => stream::set_effective, (id);
        "proxy_call_foreign_function" => stream::foreign, (name size argument argument_size result result_size);
        "proxy_close_stream" => unimplemented, (kind);
        "proxy_get_status" => unimplemented, (code message size);
        "proxy_grpc_call" => unimplemented, (a b c d e f g h i j k l);
        "proxy_grpc_stream" => unimplemented, (a b c d e f g h i);
        "proxy_grpc_send" => unimplemented, (id message size end);
        "proxy_grpc_cancel" => unimplemented, (id);
        "proxy_grpc_close" => unimplemented, (id);
        "proxy_done" => unimplemented, ();
    }
    linker.func_wrap(
        "env",
        "proxy_increment_metric",
        |mut caller: Caller<'_, State>, id: u32, offset: i64| {
            answer(&mut caller, "proxy_increment_metric", |guest| {
                platform::increment(guest, id, offset)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_record_metric",
        |mut caller: Caller<'_, State>, id: u32, value: u64| {
            answer(&mut caller, "proxy_record_metric", |guest| {
                platform::record(guest, id, value)
            })
        },
    )?;
    wasi::link(linker)
}
