//! A module's floating numbers in another precision; integers and truth values stay what they are.
//!
//! `Module::to` of torch's C++ converts every tensor (torch/csrc/jit/api/module.cpp), so that ids beyond
//! 256 and masks are no longer what they were; Python's converts the floating ones alone. tch reaches parameters, and not
//! buffers. So a module that has buffers is read with its buffers declared as parameters, which is all the same to what
//! it computes: a class of TorchScript begins with the names of both (torch/csrc/jit/serialization/python_print.cpp).

use std::{
    fs::File,
    io::{BufReader, Cursor, Read as _, Write as _},
    path::Path,
};

use tch::{CModule, Device, Kind, TchError};
use zip::{CompressionMethod, ZipArchive, ZipWriter, result::ZipError, write::FileOptions};

/// The longest source file of a module.
const MOST_SOURCE: u64 = 64 << 20;

/// Why the archive could not be read.
pub(super) enum PrecisionError {
    Archive(ZipError),
    Torch(TchError),
}

/// Reads the module with its floating numbers as `kind`. What is read is held in memory twice for a moment.
pub(super) fn load(file: &Path, device: Device, kind: Kind) -> Result<CModule, PrecisionError> {
    let module = match with_reachable_buffers(file).map_err(PrecisionError::Archive)? {
        Some(archive) => CModule::load_data_on_device(&mut archive.as_slice(), device),
        None => CModule::load_on_device(file, device),
    };
    let module = module.map_err(PrecisionError::Torch)?;
    convert(&module, kind).map_err(PrecisionError::Torch)?;
    Ok(module)
}

fn convert(module: &CModule, kind: Kind) -> Result<(), TchError> {
    let _no_grad = tch::no_grad_guard();
    for (_, mut tensor) in module.named_parameters()? {
        let floating = matches!(tensor.kind(), Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16);
        if floating && tensor.kind() != kind {
            // The module's own tensor gets other numbers.
            let converted = tensor.f_to_kind(kind)?;
            tensor.f_set_data(&converted)?;
        }
    }
    Ok(())
}

/// The archive with the buffers of every class among its parameters; `None` where there are no buffers.
fn with_reachable_buffers(file: &Path) -> Result<Option<Vec<u8>>, ZipError> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(file)?))?;
    let mut sources = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        if !(entry.name().contains("/code/") && entry.name().ends_with(".py")) {
            continue;
        }
        let (name, mut source) = (entry.name().to_owned(), String::new());
        entry.take(MOST_SOURCE).read_to_string(&mut source)?;
        if let Some(reachable) = reachable(&source) {
            sources.push((index, name, reachable));
        }
    }
    if sources.is_empty() {
        return Ok(None);
    }
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    let mut sources = sources.into_iter().peekable();
    for index in 0..archive.len() {
        match sources.next_if(|(at, ..)| *at == index) {
            Some((_, name, source)) => {
                out.start_file(name, FileOptions::default().compression_method(CompressionMethod::Stored))?;
                out.write_all(source.as_bytes())?;
            }
            None => out.raw_copy_file(archive.by_index_raw(index)?)?,
        }
    }
    Ok(Some(out.finish()?.into_inner()))
}

/// A module's source with its buffers among its parameters; `None` where no class has buffers.
fn reachable(source: &str) -> Option<String> {
    const PARAMETERS: &str = "__parameters__ = [";
    const BUFFERS: &str = "__buffers__ = [";
    let mut changed = false;
    let mut lines: Vec<String> = Vec::new();
    for line in source.split('\n') {
        let names = line.trim_start().strip_prefix(BUFFERS).and_then(|rest| rest.strip_suffix(']'));
        let before = lines.last_mut().filter(|last| last.trim_start().starts_with(PARAMETERS) && last.ends_with(']'));
        match (names.filter(|names| !names.is_empty()), before) {
            (Some(names), Some(parameters)) => {
                parameters.truncate(parameters.len() - 1);
                parameters.push_str(names);
                parameters.push(']');
                lines.push(line.replace(names, ""));
                changed = true;
            }
            _ => lines.push(line.to_owned()),
        }
    }
    changed.then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_become_parameters_class_by_class() {
        let source = "class A(Module):\n  __parameters__ = []\n  __buffers__ = [\"table\", \"mask\", ]\n  table : Tensor\n\
                      class B(Module):\n  __parameters__ = [\"weight\", ]\n  __buffers__ = [\"scale\", ]\n\
                      class C(Module):\n  __parameters__ = [\"weight\", ]\n  __buffers__ = []\n  x : int\n";
        let expect = "class A(Module):\n  __parameters__ = [\"table\", \"mask\", ]\n  __buffers__ = []\n  table : Tensor\n\
                      class B(Module):\n  __parameters__ = [\"weight\", \"scale\", ]\n  __buffers__ = []\n\
                      class C(Module):\n  __parameters__ = [\"weight\", ]\n  __buffers__ = []\n  x : int\n";
        assert_eq!(reachable(source).as_deref(), Some(expect));
        assert_eq!(reachable(expect), None, "nothing is left to do");
        assert_eq!(reachable("def f(x: Tensor) -> Tensor:\n  return x\n"), None);
    }
}
