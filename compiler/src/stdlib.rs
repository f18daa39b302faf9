//! The standard library: `.pbpo` files of `stdlib/`, embedded. Each module has a file there and a line here.

/// The modules that can be imported.
pub const MODULES: &[(&str, &str)] = &[
    ("std/games", include_str!("../../stdlib/games.pbpo")),
    ("std/losses", include_str!("../../stdlib/losses.pbpo")),
    ("std/theory", include_str!("../../stdlib/theory.pbpo")),
    ("std/ops", OPS),
    ("std/functions", FUNCTIONS),
    ("std/tasks", TASKS),
];

/// The declarations of operations.
pub const OPS: &str = include_str!("../../stdlib/ops.pbpo");
/// The declarations of functions.
pub const FUNCTIONS: &str = include_str!("../../stdlib/functions.pbpo");
/// The declarations of sources of data.
pub const TASKS: &str = include_str!("../../stdlib/tasks.pbpo");

/// Returns the module that declares an objective, a pipeline or a task of this name.
pub fn home(name: &str) -> Option<&'static str> {
    let declares = |line: &str| {
        let word = ["objective ", "pipeline ", "extern task "].iter().find_map(|head| line.strip_prefix(head));
        word.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('))
    };
    MODULES.iter().find(|(_, text)| text.lines().any(declares)).map(|(module, _)| *module)
}

/// Returns the text of a module.
pub fn text(name: &str) -> Option<&'static str> {
    MODULES.iter().find(|(module, _)| *module == name).map(|(_, text)| *text)
}
