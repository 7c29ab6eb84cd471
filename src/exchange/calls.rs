//! The planned calls that are under way, by name.
//!
//! Gateway and attempts run in the same virtual machine and meet here. Invariant: a plan can be found as long as its call
//! lasts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::plan::Plan;

/// The planned calls of a virtual machine: gateway and attempts run in the same one.
#[derive(Default)]
pub struct Calls {
    plans: RefCell<BTreeMap<String, Rc<Plan>>>,
    /// The clusters that have shown that attempts can be made in them.
    roles: RefCell<BTreeSet<String>>,
}

impl Calls {
    /// The plan of that name.
    pub fn find(&self, id: &[u8]) -> Option<Rc<Plan>> {
        let id = std::str::from_utf8(id).ok()?;
        self.plans.borrow().get(id).map(Rc::clone)
    }

    /// A request has come to a cluster that has the role.
    pub fn note_role(&self, cluster: &str) {
        if !self.has_role(cluster) {
            self.roles.borrow_mut().insert(cluster.to_owned());
        }
    }

    /// Whether the role was ever seen in that cluster. It is learnt from any request that comes there, over the hop too.
    pub fn has_role(&self, cluster: &str) -> bool {
        self.roles.borrow().contains(cluster)
    }

    /// Makes the plan known until the guard is dropped.
    pub fn register(self: &Rc<Self>, plan: Plan) -> Registered {
        let plan = Rc::new(plan);
        self.plans
            .borrow_mut()
            .insert(plan.id.clone(), Rc::clone(&plan));
        Registered {
            calls: Rc::clone(self),
            plan,
        }
    }
}

/// A plan that attempts can find.
pub struct Registered {
    calls: Rc<Calls>,
    /// The plan.
    pub plan: Rc<Plan>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.calls.plans.borrow_mut().remove(&self.plan.id);
        self.plan.end();
        if let Some(direct) = &self.plan.direct {
            direct.forget();
        }
    }
}
