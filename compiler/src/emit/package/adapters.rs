//! `main.rs` and an adapter for each port: written once, as a place to begin.

use minos_dsl::model::{Cursor, Port};

use super::manifest::package_name;
use crate::plan::Plan;
use crate::rust::name::{field, module_of, type_name};

/// `main.rs`.
pub(super) fn main(plan: &Plan<'_>) -> String {
    let library = package_name(plan).replace('-', "_");
    let system = plan.model.system().name.to_string();
    if plan.subdomain().is_none() {
        return format!(
            "//! Runs the gateway of `{system}`: services find it, and it them, by the registry that `MINOS_REGISTRY` names.\n\n\
             use std::io::Write as _;\n\n\
             use minos_runtime::system::System;\n\n\
             fn main() -> std::process::ExitCode {{\n    \
                 System::new(\"{system}\")\n        \
                     .gateway({library}::gateway())\n        \
                     // Nobody listens: that is no reason to stop.\n        \
                     .on_ready(|running| drop(writeln!(std::io::stdout(), \"gateway: http://{{}}\", running.address())))\n        \
                     .run()\n\
             }}\n"
        );
    }
    let ports = plan.ports();
    let mut modules: Vec<String> = ports.iter().map(|it| module_of(&it.name)).collect();
    modules.sort();
    let modules: String =
        modules.iter().map(|module| format!("#[path = \"main/{module}.rs\"]\nmod {module};\n")).collect();
    let adapters: Vec<String> = ports.iter().map(|it| format!("{}::Adapter", module_of(&it.name))).collect();
    let name = plan.crate_name();
    let blank = if modules.is_empty() { "" } else { "\n" };
    format!(
        "//! Runs the service `{name}` alone.\n\n\
         {modules}{blank}\
         fn main() -> std::process::ExitCode {{\n    \
             minos_runtime::run({library}::service({}))\n\
         }}\n",
        adapters.join(", ")
    )
}

/// `main/payments.rs`.
pub(super) fn adapter<'m>(plan: &Plan<'m>, port: Cursor<'m, Port>) -> String {
    let library = package_name(plan).replace('-', "_");
    let uses = crate::output::source_file::Uses::new("main", &[]);
    let (module, name) = (module_of(&port.name), type_name(&port.name, "Port"));
    let mut text = format!(
        "//! The port `{}`, by hand. Minos wrote this file once and never writes it again: it is yours.\n\
         //! As it stands every call fails with `not implemented`: what asked for it is parked, or its saga stuck, for an operator to see.\n\n",
        port.path()
    );
    let operations: Vec<String> = port
        .operations()
        .map(|it| {
            let operation = field(&it.name);
            let params: String = it
                .get()
                .params
                .iter()
                .map(|param| format!("{}: {}, ", field(&param.name), crate::rust::ty::ty(plan, &uses, &param.ty)))
                .collect();
            let names: String = it.get().params.iter().map(|param| format!("{}, ", field(&param.name))).collect();
            let answer = it.answer.as_ref().map_or_else(|| "()".to_owned(), |ty| crate::rust::ty::ty(plan, &uses, ty).to_string());
            let error = match plan.operation_error(it) {
                Some(error) => uses.item(&format!("crate::ports::{module}"), &error).to_string(),
                None => uses.runtime("port", "Never").to_string(),
            };
            let errors: Vec<String> = it.errors().map(|error| plan.error_name(error)).collect();
            let refuse = match (errors.as_slice(), plan.operation_error(it)) {
                ([], _) => "Refuses nothing; ".to_owned(),
                ([one], _) => format!("Refuses with `Err(PortError::Refused({one} {{ … }}))`, for good; "),
                ([one, ..], all) => {
                    let all = all.unwrap_or_default();
                    format!("Refuses with `Err(PortError::Refused({all}::{one}({one} {{ … }})))` and the like, for good; ")
                }
            };
            format!(
                "    /// {refuse}what else may go wrong is said at [`{name}`].\n    async fn {operation}(&self, {params}call: &PortCall) -> Result<{answer}, PortError<{error}>> {{\n        \
                     let _ = ({names}call);\n        \
                     Err(PortError::Broken(\"not implemented: `{}`\".to_owned()))\n    }}\n",
                it.path()
            )
        })
        .collect();
    uses.item(&format!("crate::ports::{module}"), &name);
    uses.runtime("port", "PortCall");
    uses.runtime("port", "PortError");
    uses.runtime("", "async_trait");
    let mut imports: Vec<String> =
        uses.statements().iter().map(|it| it.replace("use crate::", &format!("use {library}::"))).collect();
    imports.sort();
    let imports: String = imports.iter().map(|it| format!("{it}\n")).collect();
    let item = format!(
        "/// Asks the world outside for `{name}`.\npub struct Adapter;\n\n#[async_trait]\nimpl {name} for Adapter {{\n{}}}\n",
        operations.join("\n")
    );
    let source = format!("{imports}\n{item}");
    let formatted = syn::parse_file(&source).map_or(source, |file| crate::output::layout::print(&file, &[]));
    text.push_str(&formatted);
    text
}
