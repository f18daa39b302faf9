//! The standard library: `.pbpo` files of `stdlib/`, embedded. A new module: a file there, a line here.

/// Modules that can be imported.
pub const MODULES: &[(&str, &str)] = &[
    ("std/games", include_str!("../../stdlib/games.pbpo")),
    ("std/losses", include_str!("../../stdlib/losses.pbpo")),
    ("std/theory", include_str!("../../stdlib/theory.pbpo")),
    ("std/ops", OPS),
    ("std/functions", FUNCTIONS),
    ("std/tasks", TASKS),
];

/// What pipelines can do.
pub const OPS: &str = include_str!("../../stdlib/ops.pbpo");
/// What objectives are made of.
pub const FUNCTIONS: &str = include_str!("../../stdlib/functions.pbpo");
/// Where data comes from.
pub const TASKS: &str = include_str!("../../stdlib/tasks.pbpo");

/// The module that declares an objective, a pipeline or a task of this name.
pub fn home(name: &str) -> Option<&'static str> {
    let declares = |line: &str| {
        let word = ["objective ", "pipeline ", "extern task "].iter().find_map(|head| line.strip_prefix(head));
        word.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('))
    };
    MODULES.iter().find(|(_, text)| text.lines().any(declares)).map(|(module, _)| *module)
}

/// The text of a module.
pub fn text(name: &str) -> Option<&'static str> {
    MODULES.iter().find(|(module, _)| *module == name).map(|(_, text)| *text)
}
