//! The module under test, translated once for all tests.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use wasmi::{CompilationMode, Config, Engine, Linker, Module};

use crate::call;
use crate::state::State;

/// The module and what it runs on.
pub(crate) struct Code {
    pub(crate) engine: Engine,
    pub(crate) module: Module,
    pub(crate) linker: Linker<State>,
}

/// The code of this process.
pub(crate) fn code() -> &'static Code {
    static CODE: OnceLock<Code> = OnceLock::new();
    CODE.get_or_init(|| {
        let bytes = std::fs::read(wasm()).expect("the module can be read");
        load(&bytes).unwrap_or_else(|error| panic!("the module does not load: {error}"))
    })
}

fn load(bytes: &[u8]) -> Result<Code, wasmi::Error> {
    let mut config = Config::default();
    // Eager: a function that is translated when it is first called would cost fuel then.
    config
        .consume_fuel(true)
        .compilation_mode(CompilationMode::Eager);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, bytes)?;
    let mut linker = Linker::new(&engine);
    call::link(&mut linker)?;
    Ok(Code {
        engine,
        module,
        linker,
    })
}

/// What the module asks of its host: module and name of each import, sorted.
pub fn imports() -> Vec<String> {
    let imports = code().module.imports();
    let mut names: Vec<_> = imports
        .map(|import| format!("{} {}", import.module(), import.name()))
        .collect();
    names.sort();
    names
}

/// The module under test: `$SLUICE_WASM`, or what `make build` has built.
pub fn wasm() -> PathBuf {
    let named = std::env::var_os("SLUICE_WASM").map(PathBuf::from);
    let path = named.unwrap_or_else(|| root().join("target/sluice.wasm"));
    assert!(
        path.is_file(),
        "there is no {}: run `make build` first",
        path.display()
    );
    path
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2);
    root.expect("this crate lies two levels down").to_owned()
}
