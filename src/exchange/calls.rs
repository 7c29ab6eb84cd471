//! The planned calls that are under way, by name.
//!
//! Gateway and attempts run in the same virtual machine and meet here. Invariant: a plan can be found as long as its call
//! lasts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::plan::Plan;

/// The planned calls of a virtual machine: gateway and attempts run in the same one.
#[derive(Default)]
pub struct Calls(RefCell<BTreeMap<String, Rc<Plan>>>);

impl Calls {
    /// The plan of that name.
    pub fn find(&self, id: &[u8]) -> Option<Rc<Plan>> {
        let id = std::str::from_utf8(id).ok()?;
        self.0.borrow().get(id).map(Rc::clone)
    }

    /// Makes the plan known until the guard is dropped.
    pub fn register(self: &Rc<Self>, plan: Plan) -> Registered {
        let plan = Rc::new(plan);
        self.0
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
        self.calls.0.borrow_mut().remove(&self.plan.id);
        if let Some(direct) = &self.plan.direct {
            direct.forget();
        }
    }
}
