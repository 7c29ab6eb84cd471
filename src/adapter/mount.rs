//! How attempts are lived by one plugin instance.

use std::cell::Cell;
use std::rc::Rc;

use super::live::Live;
use super::stream::property;
use crate::exchange::attempt::Place;
use crate::exchange::calls::Calls;
use crate::exchange::cx::Worker;
use crate::exchange::direct::CALL_STATE;
use crate::exchange::plan::Plan;
use crate::exchange::planned::CALL;
use crate::exchange::quiet::Quiet;
use crate::exchange::task::Task;
use crate::host::{Host, QueueId};
use crate::http::header::HeaderList;
use crate::http::room::Room;

/// The role that lives attempts, as one plugin instance has it.
pub(super) struct Mount {
    pub(super) place: Place,
    pub(super) host: Rc<dyn Host>,
    pub(super) calls: Rc<Calls>,
    pub(super) queue: Option<QueueId>,
    pub(super) bodies_come: Rc<Cell<bool>>,
    pub(super) quiet: Rc<Quiet>,
    /// Bytes that the calls of the virtual machine hold.
    pub(super) held: Rc<Cell<usize>>,
}

impl Mount {
    /// The name of the request's plan: a client can set the header, but never the filter state.
    pub(super) fn name(&self, head: &HeaderList) -> Option<Vec<u8>> {
        match self.place {
            Place::Hop => head.value(CALL).map(<[u8]>::to_vec),
            Place::Cluster => property(&[CALL_STATE]),
        }
    }

    pub(super) fn begin(&self, id: u32, plan: Rc<Plan>) -> Live {
        let config = Rc::clone(&plan.caller.config);
        let worker = Worker {
            host: Rc::clone(&self.host),
            room: Room::new(config.limits.held_bytes, Rc::clone(&self.held)),
            config,
            queue: self.queue,
            calls: Rc::clone(&self.calls),
            bodies_come: Rc::clone(&self.bodies_come),
            quiet: Rc::clone(&self.quiet),
        };
        let direct = Rc::clone(&plan);
        let task = Task::attempt(Rc::new(worker), id, (plan, self.place));
        let task = Rc::new(task);
        if let Some(direct) = &direct.direct {
            direct.attach(&task, self.place);
        }
        Live::new(task)
    }

    /// The cluster in which this is an upstream filter.
    pub(super) fn cluster(&self) -> Option<String> {
        let is_there = self.place == Place::Cluster;
        let name = property(&["xds", "cluster_name"]).filter(|_| is_there)?;
        String::from_utf8(name).ok()
    }
}
