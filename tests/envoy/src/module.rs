//! The filter under test, changed in one place for what cannot be had of it as it is.

use std::ops::Range;

use wasmparser::{ExternalKind, FunctionBody, Parser, Payload, TypeRef};

const UNREACHABLE: u8 = 0x00;
const NOP: u8 = 0x01;
const END: u8 = 0x0b;

/// The filter without the export by which Envoy tells it the time.
pub(crate) fn tickless(mut module: Vec<u8>) -> Vec<u8> {
    const EXPORT: &[u8] = b"\x0dproxy_on_tick";
    let found = module.windows(EXPORT.len()).position(|part| part == EXPORT);
    let end = found.expect("the filter has an ear for the clock") + EXPORT.len();
    module[end - 1] = b'_';
    module
}

/// The filter with a virtual machine that dies when Envoy calls that export: as after a panic, which ends in the same
/// instruction. Everything before that call is the filter's own code.
pub(crate) fn dying_at(mut module: Vec<u8>, export: &str) -> Vec<u8> {
    let code = code_of(&module, export);
    let (start, end) = (code.start, code.end - 1);
    module[start..end].fill(NOP);
    module[start] = UNREACHABLE;
    assert_eq!(module[end], END, "the end of a function");
    module
}

/// Where the instructions of an exported function stand (core specification §5.5.13).
fn code_of(module: &[u8], export: &str) -> Range<usize> {
    let sections = Parser::new(0).parse_all(module);
    let sections: Vec<_> = sections
        .map(|it| it.expect("a well-formed module"))
        .collect();
    let imported = sections.iter().find_map(functions_imported);
    let wanted = sections.iter().find_map(|it| exported(it, export));
    let wanted = wanted.unwrap_or_else(|| panic!("the filter has no {export}"));
    let at = wanted - imported.expect("imports");
    let body = sections
        .iter()
        .filter_map(code)
        .nth(at)
        .expect("a function");
    let first = body.get_operators_reader().expect("instructions");
    place(first.original_position())..place(body.range().end)
}

fn functions_imported(section: &Payload<'_>) -> Option<usize> {
    let Payload::ImportSection(imports) = section else {
        return None;
    };
    let imports = imports.clone().into_imports();
    let kinds = imports.map(|import| import.expect("an import").ty);
    Some(
        kinds
            .filter(|kind| matches!(kind, TypeRef::Func(_)))
            .count(),
    )
}

/// The number of the function that is exported by that name.
fn exported(section: &Payload<'_>, name: &str) -> Option<usize> {
    let Payload::ExportSection(exports) = section else {
        return None;
    };
    let exports = exports.clone().into_iter();
    let mut exports = exports.map(|export| export.expect("an export"));
    let found = exports.find(|it| it.name == name && it.kind == ExternalKind::Func);
    found.map(|it| place(it.index.into()))
}

const fn code<'a, 'b>(section: &'b Payload<'a>) -> Option<&'b FunctionBody<'a>> {
    if let Payload::CodeSectionEntry(body) = section {
        Some(body)
    } else {
        None
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number).expect("a place in memory")
}
