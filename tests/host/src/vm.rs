//! One virtual machine: an instance of the module, and the plugins in it.

use std::cell::RefCell;
use std::rc::Rc;

use wasmi::{Instance, Store, Val};

use crate::module::{Code, code};
use crate::platform::Platform;
use crate::state::{Context, Root, State};

/// The fuel of one callback. The dearest honest one, a configuration, takes a hundredth.
const LIMIT: u64 = 400_000_000;

/// What a plugin is told of itself.
#[derive(Clone, Debug)]
pub(crate) struct Plugin {
    pub(crate) root_id: &'static str,
    pub(crate) configuration: Vec<u8>,
}

/// A running virtual machine.
pub(crate) struct Vm {
    store: Store<State>,
    instance: Instance,
}

/// A virtual machine between two callbacks: all that a callback can change.
pub(crate) struct Image {
    memory: Vec<u8>,
    pub(crate) state: State,
}

impl Vm {
    /// Starts the plugins; the error says what went wrong.
    pub(crate) fn start(state: State, plugins: &[Plugin]) -> Result<Self, String> {
        let mut vm = Self::load(state)?;
        vm.call("_initialize", &[])?;
        for plugin in plugins {
            vm.configure(plugin)?;
        }
        Ok(vm)
    }

    fn load(state: State) -> Result<Self, String> {
        let Code {
            engine,
            module,
            linker,
        } = code();
        let mut store = Store::new(engine, state);
        let instance = linker
            .instantiate_and_start(&mut store, module)
            .map_err(|error| error.to_string())?;
        let memory = instance.get_memory(&store, "memory");
        let allocate = instance.get_typed_func(&store, "proxy_on_memory_allocate");
        let state = store.data_mut();
        state.memory = memory;
        state.allocate = allocate.ok();
        Ok(Self { store, instance })
    }

    fn configure(&mut self, plugin: &Plugin) -> Result<(), String> {
        let configuration = plugin.configuration.clone();
        let size = u32::try_from(configuration.len()).unwrap();
        let root = self.state().add(Context::Root(Root {
            id: plugin.root_id,
            configuration,
            tick: None,
            answer: None,
        }));
        self.call("proxy_on_context_create", &[root, 0])?;
        let starts = self.call("proxy_on_vm_start", &[root, 0])?;
        let works = starts == 1 && self.call("proxy_on_configure", &[root, size])? == 1;
        if works {
            Ok(())
        } else {
            Err(format!(
                "the plugin {} refused its configuration",
                plugin.root_id
            ))
        }
    }

    pub(crate) fn state(&mut self) -> &mut State {
        self.store.data_mut()
    }

    /// Calls back; what it returns, 0 if nothing. The first argument is the context. The error is why it trapped.
    pub(crate) fn call(&mut self, name: &'static str, arguments: &[u32]) -> Result<u32, String> {
        let function = self.instance.get_func(&self.store, name);
        let function = function.unwrap_or_else(|| panic!("the module does not export {name}"));
        let arguments: Vec<_> = arguments
            .iter()
            .map(|it| Val::I32(it.cast_signed()))
            .collect();
        let returns = function.ty(&self.store).results().len();
        let mut results = vec![Val::I32(0); returns];
        let state = self.store.data_mut();
        if let Some(Val::I32(context)) = arguments.first() {
            state.effective = context.cast_unsigned();
        }
        let platform = Rc::clone(&state.platform);
        self.store.set_fuel(LIMIT).expect("fuel is counted");
        let outcome = function.call(&mut self.store, &arguments, &mut results);
        let used = LIMIT - self.store.get_fuel().expect("fuel is counted");
        *platform.borrow_mut().ledger.fuel.entry(name).or_default() += used;
        outcome.map_err(|error| format!("{name}: {error}"))?;
        Ok(match results.first() {
            Some(Val::I32(result)) => result.cast_unsigned(),
            _ => 0,
        })
    }

    pub(crate) fn image(&self) -> Image {
        let state = self.store.data().clone();
        let memory = state.memory.expect("the module has a memory");
        Image {
            memory: memory.data(&self.store).to_vec(),
            state,
        }
    }

    /// Goes on from an image. The module has one global, the pointer to its stack, which between two callbacks is where
    /// it was in the beginning.
    pub(crate) fn resume(image: &Image, platform: &Rc<RefCell<Platform>>) -> Self {
        let mut state = image.state.clone();
        state.platform = Rc::clone(platform);
        let mut vm = Self::load(state).expect("the module can be instantiated again");
        let memory = vm.state().memory.expect("the module has a memory");
        let pages = image.memory.len() / 65_536;
        let more = u64::try_from(pages).unwrap() - memory.size(&vm.store);
        memory.grow(&mut vm.store, more).expect("the memory grows");
        let data = memory.data_mut(&mut vm.store);
        data.copy_from_slice(&image.memory);
        vm
    }
}
