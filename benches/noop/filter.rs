//! All three filters: one module, told apart by its configuration.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};
use sha2::{Digest, Sha256};

use crate::asking::{Asking, Metrics};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::<Root>::default());
}}

#[derive(Default)]
struct Root {
    hashes: bool,
    /// Of the filter that asks.
    asks: Option<Rc<Metrics>>,
}

struct Stream {
    hash: Option<Sha256>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let deed = self.get_plugin_configuration().unwrap_or_default();
        self.hashes = deed == b"hash";
        if deed != b"ask" {
            return true;
        }
        self.asks = Metrics::define().ok().map(Rc::new);
        self.asks.is_some()
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        if let Some(metrics) = &self.asks {
            return Some(Box::new(Asking(Rc::clone(metrics))));
        }
        let hash = self.hashes.then(Sha256::new);
        Some(Box::new(Stream { hash }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_body(&mut self, size: usize, is_last: bool) -> Action {
        let Some(mut hash) = self.hash.take() else {
            return Action::Continue;
        };
        hash.update(self.get_http_request_body(0, size).unwrap_or_default());
        if is_last {
            // Seen from outside, so that it is not optimised away.
            self.set_property(vec!["hash"], Some(&hash.finalize()));
        } else {
            self.hash = Some(hash);
        }
        Action::Continue
    }
}
